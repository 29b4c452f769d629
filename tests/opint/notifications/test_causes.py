"""One cause, one call: what follows from a lost broker, from no stable beams or from a detector that is off."""

import pytest

from opint.consumer.stalls import StallDetector
from opint.notifications import causes
from opint.notifications.explain import explain
from opint.store import incident_conditions
from opint.store.incident_conditions import Beginning
from streams.records import Conditions, LumisectionKey
from tests.opint.notifications.conftest import settings_of
from tests.support.incidents import DATASET, end_incident, open_incident, publish, see_again

BEAMS, NO_BEAMS = Conditions(beams_stable=True), Conditions(beams_stable=False)
OFF = Conditions(beams_stable=True, dcs={"dt": False, "csc": False})
HALF_OFF = Conditions(beams_stable=True, dcs={"dt": True, "csc": False})


def published(store, *conditions, **values):
    with store.begin() as tx:
        publish(tx, *conditions, **values)


def opened_at(store, first, last, **values):
    with store.begin() as tx:
        return open_incident(tx, "1", 4000.0, first_run=7, first_ls=first, last_run=7, last_ls=last, **values)


def last_account(store, number):
    with store.read() as tx:
        account = explain(tx, number)[-1]
    return account.outcome, account.why


@pytest.mark.parametrize(
    ("declared", "values", "text"),
    [
        (NO_BEAMS, {"family": "starved"}, "no stable beams since 01:05:00 UTC, run 7 LS 3"),
        (OFF, {}, "Muon switched off (dt, csc) since 01:05:00 UTC, run 7 LS 3"),
    ],
)
def test_what_begins_with_a_state_waits_while_it_lasts_and_calls_if_it_goes_on(declared, values, text, store, drive):
    driven = drive(status_bits="Muon=dt+csc")
    driven.clock.now_s = 4000.0
    published(store, BEAMS, HALF_OFF, declared, declared, declared)
    number = opened_at(store, 3, 5, **values)
    driven.settle()
    assert last_account(store, number) == ("follows", f"follows from {text}")
    driven.pass_time(60)
    assert driven.web.requests == []
    published(store, BEAMS, first=6)
    with store.begin() as tx:
        see_again(tx, number, 6)
    driven.pass_time(60)
    assert driven.web.incidents == [number]


def test_what_the_last_lumisections_with_beams_show_follows_from_their_end_until_it_is_seen_with_beams(store, drive):
    driven = drive()
    driven.clock.now_s = 4000.0
    published(store, BEAMS, BEAMS, BEAMS, NO_BEAMS, NO_BEAMS)
    number = opened_at(store, 2, 3)
    driven.settle()
    assert last_account(store, number)[1] == "follows from no stable beams since 01:06:40 UTC, run 7 LS 4"
    published(store, *[BEAMS] * 5, first=6)
    driven.pass_time(60)
    assert driven.web.requests == []


def test_what_was_there_before_the_beams_went_calls(store, drive):
    driven = drive()
    driven.clock.now_s = 4000.0
    published(store, *[BEAMS] * 5, NO_BEAMS, NO_BEAMS)
    number = opened_at(store, 2, 7)
    driven.settle()
    assert driven.web.incidents == [number]


def test_what_a_lost_broker_leaves_missing_follows_from_it(store, drive):
    driven = drive()
    driven.clock.now_s = 4000.0
    stalls = StallDetector(None, "night", 300.0, 1e9)
    for at_s in (3700.0, 4000.0):
        with store.begin() as tx:
            stalls.check(tx, {}, at_s, "no broker at broker:9092")
    published(store, BEAMS, BEAMS)
    number = opened_at(store, 1, 2, family="missing")
    driven.settle()
    (call,) = driven.web.bodies
    assert call["subject"] == "[CRITICAL] consumer group night: nothing received for 300 s: no broker at broker:9092"
    parent = call["incidents"][0]["id"]
    assert last_account(store, number) == (
        "follows",
        f"follows from incident {parent}: {call['incidents'][0]['title']}",
    )
    with store.begin() as tx:
        stalls.check(tx, {}, 4010.0)
        end_incident(tx, number, 4011.0)
    driven.pass_time(60)
    # The broker's end is announced, and nobody hears of what followed from it.
    assert driven.web.incidents == [parent, parent]


@pytest.mark.parametrize(
    ("declared", "last", "bits", "began"),
    [
        ([BEAMS, BEAMS, BEAMS, NO_BEAMS], 2, (), 4),
        ([BEAMS, BEAMS, BEAMS, NO_BEAMS], 1, (), None),
        ([NO_BEAMS, NO_BEAMS], 2, (), 1),
        ([BEAMS, NO_BEAMS, NO_BEAMS], 3, (), 2),
        ([NO_BEAMS, BEAMS, NO_BEAMS], 3, (), 3),
        ([NO_BEAMS, Conditions(), NO_BEAMS], 3, (), 3),
        ([NO_BEAMS, NO_BEAMS, BEAMS], 2, (), 1),
        ([NO_BEAMS, BEAMS], 2, (), None),
        ([HALF_OFF, OFF, OFF], 3, ("dt", "csc"), 2),
        ([HALF_OFF, OFF, OFF], 3, ("csc",), 1),
        ([OFF], 1, ("other",), None),
        ([], 1, (), None),
    ],
)
def test_a_state_began_after_the_last_lumisection_that_was_not_in_it(declared, last, bits, began, store):
    published(store, *declared)
    number = opened_at(store, 1, last)
    with store.read() as tx:
        reached = incident_conditions.reached(tx, [number], bits, 2)
        beginnings = [incident_conditions.beginning(tx, DATASET, key, bits) for key in reached.values()]
    assert beginnings == ([] if began is None else [Beginning(LumisectionKey(7, began), 3600.0 + 100.0 * began)])


def test_a_state_goes_on_from_run_to_run(store):
    published(store, BEAMS, NO_BEAMS)
    published(store, NO_BEAMS, run=8)
    with store.read() as tx:
        assert incident_conditions.beginning(tx, DATASET, LumisectionKey(8, 1), ()).key == LumisectionKey(7, 2)


def test_what_is_resolved_follows_from_nothing(store):
    published(store, NO_BEAMS)
    number = opened_at(store, 1, 1)
    settings = settings_of("http://x")
    with store.begin() as tx:
        assert list(causes.of_active(tx, [number], settings)) == [number]
        end_incident(tx, number, 4001.0)
        assert causes.of_active(tx, [number], settings) == {}
