"""Which routes take a change, and when."""

from datetime import UTC, datetime

import pytest

from conf.notifications import Matchers
from opint.notifications.routing import in_hours, next_start, notices_of
from opint.notifications.subject import Subject, fits, machine_mode
from opint.store.outbox import OutboxEntry
from tests.opint.notifications.conftest import settings_of
from tests.support.incidents import an_incident

NOON_S = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
HOUR_S = 3600.0


def subject_of(conditions=None, **values):
    return Subject(an_incident(**values), conditions or {"beams_stable": True})


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, True),
        ({"severity": "warning"}, True),
        ({"severity": ["critical"]}, False),
        ({"family": ["frozen", "con*"]}, True),
        ({"subsystem": "Muon", "family": "frozen"}, False),
        ({"folder": "Muon"}, True),
        ({"folder": "Muon/Sector1"}, True),
        ({"folder": "Muon/Sector"}, False),
        ({"folder": "Muon/*1"}, True),
        ({"dataset": "/Cosmics/*"}, False),
        ({"mode": "collisions"}, True),
        ({"mode": ["no-beam", "cosmics"]}, False),
    ],
)
def test_matchers_fit_by_any_pattern_and_all_keys(match, expected):
    assert fits(Matchers.model_validate(match), subject_of().traits) == expected


@pytest.mark.parametrize(
    ("dataset", "conditions", "expected"),
    [
        ("/Muon/A/DQM", {"beams_stable": True}, "collisions"),
        ("/Cosmics/A/DQM", {"beams_stable": False}, "cosmics"),
        ("/Cosmics/A/DQM", {}, "cosmics"),
        ("/Muon/A/DQM", {"beams_stable": False, "era": "Cosmics2026"}, "cosmics"),
        ("/Muon/A/DQM", {"beams_stable": False}, "no-beam"),
        ("/Muon/A/DQM", {}, "unknown"),
    ],
)
def test_the_machine_mode_comes_from_conditions(dataset, conditions, expected):
    assert machine_mode(dataset, conditions) == expected


@pytest.mark.parametrize(
    ("hours", "inside"),
    [("", True), ("11:00-13:00", True), ("12:00-12:01", True), ("11:00-12:00", False), ("22:00-07:00", False)],
)
def test_hours_begin_included_and_end_excluded(hours, inside):
    assert in_hours(hours, NOON_S) == inside


def test_hours_go_over_midnight():
    assert [in_hours("22:00-07:00", NOON_S + hour * HOUR_S) for hour in (9, 10, 18, 19)] == [False, True, True, False]
    assert next_start("22:00-07:00", NOON_S) == NOON_S + 10 * HOUR_S
    assert next_start("11:00-13:00", NOON_S) == NOON_S + 23 * HOUR_S


HOOKS = tuple({"name": name, "kind": "webhook", "url": "http://x"} for name in ("room", "expert", "night"))


def routed(*routes, at_s=NOON_S, change="opened", called=None, **values):
    named_routes = [{"group_wait_s": 5.0, "name": f"r{number}"} | route for number, route in enumerate(routes)]
    settings = settings_of("http://x", receivers=HOOKS, routes=tuple(named_routes)).notifications
    entry = OutboxEntry(1, 7, at_s, change, "", None)
    notices = notices_of(entry, subject_of(**values), called or {}, settings, at_s)
    return [(notice.purpose, notice.route, notice.receiver, notice.due_s and notice.due_s - at_s) for notice in notices]


def test_the_first_route_that_fits_takes_it():
    first = {"match": {"severity": "critical"}, "receivers": "expert"}
    second = {"receivers": ["room"]}
    assert routed(first, second) == [("call", "r1", "room", 5.0)]
    assert routed(first, second, severity="critical") == [("call", "r0", "expert", 5.0)]


def test_a_route_that_continues_lets_others_have_it_and_nobody_is_called_twice():
    first = {"match": {"subsystem": "Muon"}, "receivers": ["expert"], "continues": True}
    second = {"receivers": ["room", "expert"]}
    assert routed(first, second) == [("call", "r0", "expert", 5.0), ("call", "r1", "room", 5.0)]


def test_what_fits_no_route_is_accounted_for():
    assert routed({"match": {"family": "frozen"}, "receivers": "room"}) == [("call", "", "", None)]


def test_in_quiet_hours_the_next_hours_take_it():
    night = {"hours": "22:00-07:00", "receivers": "night"}
    assert routed(night) == [("call", "r0", "night", 10 * HOUR_S + 5.0)]
    assert routed(night, {"receivers": "room"}) == [("call", "r1", "room", 5.0)]


def test_an_escalation_is_due_later():
    route = {"receivers": "room", "escalate_after_s": 900.0, "escalate_to": "expert"}
    assert routed(route) == [("call", "r0", "room", 5.0), ("escalation", "r0", "expert", 900.0)]


def test_the_end_goes_to_those_who_were_called():
    assert routed({"receivers": ["room"]}, change="cleared", called={"expert": "r0", "gone": "old"}) == [
        ("end", "r0", "expert", 5.0)
    ]
