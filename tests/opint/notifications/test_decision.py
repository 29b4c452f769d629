"""What becomes of a notice, and what explains an incident or hides it."""

from dataclasses import replace

import pytest

from conf.settings import Settings
from opint.notifications.causes import IncidentCause, explaining_states, follows, parent_of, quiet_reason
from opint.notifications.decision import LOOK_AGAIN_S, Situation, decide
from opint.notifications.silencing import Silence, effect, hiding
from opint.notifications.subject import Subject
from opint.store.incident_conditions import Beginning
from opint.store.notices import Notice
from opint.store.silences import StoredSilence
from streams.keys import LumisectionKey
from tests.support.incidents import an_incident

INCIDENT = an_incident(id=7)
CALL = Notice(7, 1, 1000.0, "call", "", "all", "room", 1000.0)
SILENCE = StoredSilence(3, {"subsystem": ["Muon"]}, None, "ada", "works on it", 900.0, 2000.0, None, "")


def decided(notice=CALL, incident=INCIDENT, now_s=1000.0, silences=(), causes=None, quiet=None, called=()):
    subjects = {7: Subject(incident, {})}
    situation = Situation(now_s, subjects, silences, causes or {}, quiet or {}, frozenset(called))
    return decide(notice, situation)


def resolved(**values):
    return an_incident(id=7, state="resolved", resolved_s=1001.0, resolved_by="nightshift", **values)


def acknowledged(at_s):
    return an_incident(id=7, state="acknowledged", acknowledged_s=at_s, acknowledged_by="ada")


def test_a_call_is_sent():
    assert decided().outcome == "sent"


def test_nobody_is_woken_for_what_has_passed():
    assert decided(incident=resolved()).outcome == "over"


@pytest.mark.parametrize(
    ("at_s", "purpose", "outcome"),
    [
        (1001.0, "call", "acknowledged"),
        (999.0, "call", "sent"),
        (999.0, "repeat", "acknowledged"),
        (999.0, "escalation", "acknowledged"),
    ],
)
def test_an_acknowledgement_answers_what_came_before_it(at_s, purpose, outcome):
    assert decided(replace(CALL, purpose=purpose), acknowledged(at_s)).outcome == outcome


def test_a_silence_holds_back_until_its_end():
    decision = decided(silences=[Silence(SILENCE)])
    assert (decision.outcome, decision.due_s, decision.silence) == ("silenced", 2000.0, 3)
    assert "silence 3 of ada hides it until 1970-01-01T00:33:20Z: works on it" in decision.reason
    assert decided(silences=[Silence(SILENCE)], now_s=2000.0).outcome == "sent"


def test_what_follows_names_its_parent_and_waits():
    decision = decided(causes={7: IncidentCause("incident 5: broker lost", 5)})
    assert (decision.outcome, decision.parent, decision.reason) == (
        "follows",
        5,
        "follows from incident 5: broker lost",
    )
    assert decision.due_s == 1000.0 + LOOK_AGAIN_S


def test_a_quiet_mode_holds_back():
    assert decided(quiet={7: "no beam"}).outcome == "quiet"


@pytest.mark.parametrize(
    ("incident", "called", "outcome"),
    [(resolved(), {7}, "sent"), (resolved(), set(), "never-called"), (INCIDENT, {7}, "over")],
)
def test_an_end_goes_to_those_who_were_called(incident, called, outcome):
    assert decided(replace(CALL, purpose="end"), incident, called=called).outcome == outcome


def fault(number, family, opened_s=1000.0, **values):
    return an_incident(str(number), id=number, family=family, opened_s=opened_s, **values)


@pytest.mark.parametrize(
    ("family", "parent", "explained"),
    [
        ("missing", {"family": "stalled", "dataset": "", "subsystem": ""}, True),
        ("content", {"family": "stalled", "dataset": "", "subsystem": ""}, False),
        ("content", {"family": "status"}, True),
        ("content", {"family": "status", "subsystem": "Pixel"}, False),
        ("content", {"family": "status", "dataset": "/Other/A/DQM"}, False),
        ("seed", {"family": "prescales"}, True),
        ("path", {"family": "all-rates"}, True),
        ("status", {"family": "content"}, False),
        ("content", {"family": "status", "opened_s": 1900.0}, True),
        ("content", {"family": "status", "opened_s": 1901.0}, False),
    ],
)
def test_a_cause_explains_what_follows_from_it(family, parent, explained):
    cause = fault(1, **({"opened_s": 1000.0} | parent))
    assert (parent_of(fault(2, family), [cause]) is cause) == explained


def test_the_oldest_cause_is_named():
    causes = [fault(number, "status", 1000.0 - number) for number in (1, 2)]
    assert parent_of(fault(3, "content"), causes).id == 2


def settings_of(status_bits="", calls=()):
    return Settings.model_validate({"dqm": {"status_bits": status_bits}, "notifications": {"calls": list(calls)}})


NO_BEAMS, COSMICS = {"beams_stable": False}, {"beams_stable": False, "era": "Cosmics2026"}


@pytest.mark.parametrize(
    ("family", "values", "conditions", "names"),
    [
        ("content", {"status_bits": "Muon=dt+csc"}, {}, ["Muon switched off (dt, csc)", "no stable beams"]),
        ("content", {"status_bits": "Pixel=bpix"}, {}, ["no stable beams"]),
        ("missing", {"status_bits": "Muon=dt"}, {}, ["Muon switched off (dt)"]),
        ("status", {"status_bits": "Muon=dt"}, {}, []),
        ("seed", {}, {}, ["no stable beams"]),
        ("stalled", {}, NO_BEAMS, []),
        ("starved", {}, COSMICS, []),
        ("starved", {"calls": [{"mode": "no-beam", "families": ["starved"]}]}, NO_BEAMS, []),
        ("starved", {"calls": [{"mode": "no-beam", "families": ["stalled"]}]}, NO_BEAMS, ["no stable beams"]),
    ],
)
def test_what_machine_and_detector_explain_depends_on_the_family(family, values, conditions, names):
    states = explaining_states(Subject(fault(1, family), conditions), settings_of(**values))
    assert [state.name for state in states] == names


@pytest.mark.parametrize(
    ("first", "follows_from_it"), [((7, 9), False), ((7, 10), True), ((7, 40), True), ((8, 1), True), ((6, 99), False)]
)
def test_what_was_there_before_a_state_began_does_not_follow_from_it(first, follows_from_it):
    began = Beginning(LumisectionKey(7, 12), 0.0)
    assert follows(an_incident(first_run=first[0], first_ls=first[1]), began) == follows_from_it


def test_what_belongs_to_no_lumisection_follows_from_no_state():
    assert not follows(INCIDENT, Beginning(LumisectionKey(7, 12), 0.0))


def test_a_mode_says_which_families_call():
    settings = settings_of(calls=[{"mode": "no-beam", "families": ["data-lost", "st*"]}])
    no_beam, beam = {"beams_stable": False}, {"beams_stable": True}
    assert "does not call in machine mode no-beam" in quiet_reason(Subject(INCIDENT, no_beam), settings)
    assert quiet_reason(Subject(INCIDENT, beam), settings) == ""
    assert quiet_reason(Subject(fault(1, "stalled"), no_beam), settings) == ""


def test_an_expired_silence_hides_nothing():
    subject = Subject(INCIDENT, {})
    assert hiding([Silence(replace(SILENCE, expired_s=999.0))], subject, 1000.0) is None
    assert hiding([Silence(SILENCE)], subject, 2000.0) is None


def test_until_resolved_hides_those_incidents_alone_and_ends_with_them():
    stored = replace(SILENCE, incidents=[7], ends_s=None)
    silence = Silence(stored, frozenset({7}))
    assert silence.hides(Subject(INCIDENT, {}), 1e9)
    assert not silence.hides(Subject(an_incident(id=8), {}), 1e9)
    assert not Silence(stored, frozenset()).is_running(1e9)


def test_a_silence_says_what_it_hides_what_is_new_and_that_it_ends_soon():
    active = [
        Subject(an_incident(id=1, opened_s=800.0), {}),
        Subject(an_incident(id=2, opened_s=950.0), {}),
        Subject(an_incident(id=3, subsystem="Pixel"), {}),
    ]
    there = effect(Silence(SILENCE), active, 1000.0)
    assert (there.hidden, there.new, there.ends_soon) == ([1, 2], [2], True)
