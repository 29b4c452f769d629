"""Silences as people make, see and end them, on both databases and with a dispatcher."""

import pytest

from conf.notifications import Matchers
from opint.notifications import silencing
from opint.notifications.silencing import SilenceError
from opint.store import notices
from opint.store.silences import UnknownSilenceError
from streams.records import Conditions
from tests.support.incidents import end_incident, open_incident, publish, see_again

MUON = Matchers(subsystem=("Muon",))
DAY_S = 86_400.0


@pytest.fixture
def three(store):
    """Muon open, Pixel open, Muon resolved three days before."""
    with store.begin() as tx:
        muon = open_incident(tx, "1", 10 * DAY_S)
        pixel = open_incident(tx, "2", 10 * DAY_S, subsystem="Pixel")
        over = open_incident(tx, "3", 5 * DAY_S)
        end_incident(tx, over, 7 * DAY_S)
    return muon, pixel, over


def test_a_preview_says_what_would_be_hidden_now_and_in_the_past_week(store, three):
    muon, _, over = three
    with store.read() as tx:
        there = silencing.preview(tx, MUON, 10 * DAY_S)
        assert (there.now, there.week, there.examples) == ([muon], 2, [over, muon])
        later = silencing.preview(tx, MUON, 14.5 * DAY_S)
        assert (later.week, later.examples) == (1, [muon])
        nowhere = silencing.preview(tx, Matchers(mode=("cosmics",)), 10 * DAY_S)
        assert (nowhere.now, nowhere.week) == ([], 0)


def test_a_preview_knows_the_machine_mode_of_each_incident(store, three):
    muon, pixel, over = three
    with store.begin() as tx:
        publish(tx, Conditions(beams_stable=True), Conditions(beams_stable=False))
        for number, ls in ((muon, 1), (pixel, 2), (over, 2)):
            see_again(tx, number, ls)
    expected = {"collisions": ([muon], 1), "no-beam": ([pixel], 2), "unknown": ([], 0)}
    with store.read() as tx:
        for mode, hidden in expected.items():
            there = silencing.preview(tx, Matchers(mode=(mode,)), 10 * DAY_S)
            assert (there.now, there.week) == hidden


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"match": Matchers()}, "would hide everything"),
        ({"reason": " "}, "the reason is empty"),
        ({"actor": ""}, "name of who silences is empty"),
        ({"ends_s": 10 * DAY_S}, "must lie ahead"),
        ({"ends_s": 99 * DAY_S}, "at most 31 days"),
        ({"match": Matchers(subsystem=("Calo",)), "ends_s": None}, "no active incident fits"),
    ],
)
def test_a_silence_needs_matchers_author_reason_and_end(values, expected, store, three):
    silence = {"match": MUON, "actor": "ada", "reason": "works", "ends_s": 11 * DAY_S} | values
    with store.begin() as tx, pytest.raises(SilenceError, match=expected):
        silencing.add(tx, now_s=10 * DAY_S, **silence)


def silenced(store, at_s=1000.0, ends_s=2000.0, match=MUON):
    with store.begin() as tx:
        return silencing.add(tx, match, "ada", "works on it", at_s, ends_s)


def flags(store, now_s):
    with store.read() as tx:
        return [entry.flags for entry in silencing.listed(tx, now_s, 9, ended=True)]


def test_the_list_says_what_ends_soon_hides_nothing_or_hides_something_new(store):
    silenced(store, ends_s=10_000.0)
    assert flags(store, 1001.0) == [["hides nothing"]]
    with store.begin() as tx:
        number = open_incident(tx, "1", 1002.0)
    assert flags(store, 1003.0) == [[f"hides something new: incident {number}"]]
    assert flags(store, 9000.0)[0][0] == "ends soon"
    assert flags(store, 10_000.0) == [[]]


def test_what_a_silence_holds_back_calls_when_it_ends(store, drive):
    driven = drive()
    silenced(store)
    with store.begin() as tx:
        open_incident(tx, "1", 1001.0)
    driven.pass_time(1)
    driven.pass_time(998)
    assert driven.web.requests == []
    driven.pass_time(1)
    assert len(driven.web.requests) == 1


def test_a_silence_that_is_ended_early_calls_at_once(store, drive):
    driven = drive()
    number = silenced(store)
    with store.begin() as tx:
        incident = open_incident(tx, "1", 1001.0)
    driven.pass_time(1)
    with store.begin() as tx:
        assert silencing.hidden_incidents(tx, 1001.0) == {incident: number}
        silencing.expire(tx, number, "ben", 1002.0)
        with pytest.raises(SilenceError, match="is over already"):
            silencing.expire(tx, number, "ben", 1002.0)
        with pytest.raises(UnknownSilenceError, match="no silence 99"):
            silencing.expire(tx, 99, "ben", 1002.0)
    driven.pass_time(1)
    assert len(driven.web.requests) == 1


def test_until_resolved_ends_with_its_incidents_and_hides_no_other(store, drive):
    driven = drive()
    with store.begin() as tx:
        first = open_incident(tx, "1", 999.0)
    silenced(store, ends_s=None)
    with store.begin() as tx:
        second = open_incident(tx, "2", 1001.0)
    driven.pass_time(1)
    assert driven.web.incidents == [second]
    with store.begin() as tx:
        end_incident(tx, first)
    driven.pass_time(60)
    assert driven.web.incidents == [second]
    with store.read() as tx:
        assert silencing.load(tx, 2000.0) == []
        assert {notice.outcome for notice in notices.of_incident(tx, first)} == {"over", "never-called"}


def test_what_follows_from_another_calls_when_that_ends_and_it_goes_on(store, drive):
    driven = drive()
    with store.begin() as tx:
        cause = open_incident(tx, "1", 1000.0, family="status", element_group="", title="status contradicts")
        child = open_incident(tx, "2", 1000.0)
    driven.settle()
    assert driven.web.incidents == [cause]
    with store.read() as tx:
        (notice,) = notices.of_incident(tx, child)
    assert (notice.outcome, notice.parent_id) == ("follows", cause)
    assert notice.reason == f"follows from incident {cause}: status contradicts"
    with store.begin() as tx:
        end_incident(tx, cause)
    driven.pass_time(15)
    assert sorted(driven.web.incidents) == [cause, cause, child]
