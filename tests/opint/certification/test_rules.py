"""What keeps a lumisection out of a certificate, one rule after the other."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opint.certification.rules import (
    LumisectionFacts,
    Objection,
    ObjectionCause,
    QualityCounts,
    SeenIncident,
    objections,
)

GOOD = QualityCounts(good=8, warning=0, bad=0, not_inspected=2)
FINE = LumisectionFacts(5, beams_stable=True, recorded_lumi=0.4, subsystems={"Muon": GOOD, "Strips": GOOD})
REQUIRED = {"Muon", "Strips"}


def against(facts: LumisectionFacts, required=REQUIRED, least=0.5) -> tuple[Objection, ...]:
    return objections(facts, required, least)


def with_muon(counts: QualityCounts, *incidents: SeenIncident) -> LumisectionFacts:
    return replace(FINE, subsystems={"Muon": counts, "Strips": GOOD}, incidents=incidents)


def test_what_is_judged_and_good_is_certified() -> None:
    assert against(FINE) == ()
    assert against(with_muon(QualityCounts(7, 1, 0, 2))) == (), "a warning does not keep it out"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (replace(FINE, closed=False), Objection(ObjectionCause.NOT_CLOSED)),
        (replace(FINE, beams_stable=False), Objection(ObjectionCause.NO_STABLE_BEAMS)),
        (replace(FINE, not_ready=("bpix", "tob")), Objection(ObjectionCause.DETECTOR_OFF, "bpix, tob")),
        (with_muon(QualityCounts(7, 0, 1, 2)), Objection(ObjectionCause.BAD, "Muon")),
        (
            with_muon(QualityCounts(7, 0, 1, 2), SeenIncident(3, "Muon", 1, False)),
            Objection(ObjectionCause.INCIDENT, "Muon", (3,)),
        ),
        (with_muon(GOOD, SeenIncident(3, "Muon", 0, False)), Objection(ObjectionCause.INCIDENT, "Muon", (3,))),
        (with_muon(QualityCounts(4, 0, 0, 6)), Objection(ObjectionCause.NOT_INSPECTED, "Muon")),
        (replace(FINE, subsystems={"Strips": GOOD}), Objection(ObjectionCause.NOT_INSPECTED, "Muon")),
    ],
)
def test_each_cause_alone(facts: LumisectionFacts, why: Objection) -> None:
    assert against(facts) == (why,)


def test_a_false_alarm_is_forgiven_as_far_as_it_names_what_is_bad() -> None:
    two_bad = QualityCounts(6, 0, 2, 2)
    assert against(with_muon(two_bad, SeenIncident(3, "Muon", 2, True))) == ()
    assert against(with_muon(two_bad, SeenIncident(3, "Muon", 1, True), SeenIncident(4, "Muon", 1, True))) == ()
    assert against(with_muon(two_bad, SeenIncident(3, "Muon", 1, True))) == (Objection(ObjectionCause.BAD, "Muon"),)
    with_true_alarm = with_muon(two_bad, SeenIncident(3, "Muon", 1, True), SeenIncident(4, "Muon", 1, False))
    assert against(with_true_alarm) == (Objection(ObjectionCause.INCIDENT, "Muon", (4,)),)
    assert against(with_muon(two_bad, SeenIncident(3, "Strips", 2, True))) == (Objection(ObjectionCause.BAD, "Muon"),)


def test_a_false_alarm_does_not_make_the_unseen_good() -> None:
    missing = with_muon(QualityCounts(2, 0, 0, 8), SeenIncident(3, "Muon", 0, True))
    assert against(missing) == (Objection(ObjectionCause.NOT_INSPECTED, "Muon"),)


def test_nothing_judged_is_not_good() -> None:
    assert against(replace(FINE, subsystems={}), required=set()) == (Objection(ObjectionCause.NOT_INSPECTED),)
    empty = with_muon(QualityCounts(0, 0, 0, 0))
    assert against(empty) == (Objection(ObjectionCause.NOT_INSPECTED, "Muon"),)


def test_the_weightiest_comes_first() -> None:
    facts = replace(with_muon(QualityCounts(1, 0, 1, 8)), not_ready=("tob",))
    assert [item.cause for item in against(facts)] == [
        ObjectionCause.DETECTOR_OFF,
        ObjectionCause.BAD,
        ObjectionCause.NOT_INSPECTED,
    ]


def test_in_words() -> None:
    assert str(Objection(ObjectionCause.INCIDENT, "Muon", (3, 4))) == "Muon: incident 3, 4"
    assert str(Objection(ObjectionCause.NOT_CLOSED)) == "still being assembled"


counts = st.builds(QualityCounts, *[st.integers(0, 5)] * 4)
facts = st.builds(
    LumisectionFacts,
    st.just(1),
    closed=st.booleans(),
    beams_stable=st.sampled_from([True, False, None]),
    subsystems=st.dictionaries(st.sampled_from(sorted(REQUIRED)), counts),
    incidents=st.lists(
        st.builds(SeenIncident, st.integers(1, 9), st.sampled_from(sorted(REQUIRED)), st.integers(0, 5), st.booleans())
    ),
)


@given(facts, st.floats(0.01, 1.0))
def test_what_is_certified_was_inspected_and_every_bad_element_forgiven(
    lumisection: LumisectionFacts, least: float
) -> None:
    if against(lumisection, least=least):
        return
    assert lumisection.closed
    assert lumisection.beams_stable is not False
    assert all(incident.false_alarm for incident in lumisection.incidents)
    for name in REQUIRED:
        subsystem = lumisection.subsystems[name]
        assert subsystem.inspected >= least
        assert subsystem.bad <= sum(incident.bad for incident in lumisection.incidents if incident.subsystem == name)
