"""Status, times and numbers as people read them."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opint.dashboard import filters
from opint.dashboard.pages.overview import Staleness, overall, staleness
from opint.store.evidence import WorstBinView
from opint.store.heartbeats import Heartbeat
from opint.store.incident_pages import Incident
from opint.store.runs import Cell
from streams.records import Axis

FRESH = Staleness(False, 0.0, "")


def _daemon(at_s, state="running", detail=""):
    return Heartbeat(daemon="a:1:0", started_s=0, at_s=at_s, state=state, detail=detail, messages=0)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "", "–"),
        (0, "", "0"),
        (3.14159, "", "3.14"),
        (9999, "", "9999"),
        (12_345, "", "12.3 k"),
        (2_500_000, "B", "2.5 MB"),
        (17, "B", "17 B"),
        (1.3e9, "", "1.3 G"),
    ],
)
def test_numbers(value, unit, text):
    assert filters.number(value, unit) == text


@pytest.mark.parametrize(("s", "text"), [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (7300, "2 h"), (200_000, "2 d")])
def test_durations(s, text):
    assert filters.duration(s) == text


def test_times_are_utc_iso_8601():
    assert filters.iso(1_712_800_000.0) == "2024-04-11T01:46:40Z"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.data())
def test_cell_numbers_unravel_in_c_order(shape, data):
    index = data.draw(st.integers(0, int(__import__("math").prod(shape)) - 1))
    flat = 0
    for bins, place in zip(shape, filters.unravel(index, shape), strict=True):
        assert 0 <= place < bins
        flat = flat * bins + place
    assert flat == index


def test_where_a_bin_lies():
    axes = [
        Axis(bins=4, lower=0, upper=1, label="t (ns)"),
        Axis(bins=2, lower=0, upper=2, categories=("a", "b")),
    ]
    worst = WorstBinView(index=5, observed=0, expected=1, pull=-1)
    assert filters.where(worst, axes) == "t (ns) 0.5 to 0.75, b"


def test_silence_and_waiting_are_stale():
    assert staleness([], 0, 60).stale
    assert staleness([_daemon(0)], 61, 60).since_s == 0
    assert not staleness([_daemon(0)], 60, 60).stale
    assert "broker" in staleness([_daemon(0, "waiting", "the broker is away")], 1, 60).why
    assert not staleness([_daemon(1, "stopped"), _daemon(0)], 1, 60).stale


def test_good_is_said_only_when_it_is_known():
    assert overall({}, None, FRESH, judged=9).level == "good"
    assert overall({}, None, FRESH, judged=0).level == "unknown"
    assert overall({}, None, Staleness(True, 5.0, "silent."), judged=9).level == "unknown"
    assert overall({"acknowledged": 2}, None, FRESH, judged=9).level == "warning"


@pytest.mark.parametrize(("critical", "level"), [(True, "bad"), (False, "warning")])
def test_open_incidents_are_as_bad_as_the_worst_of_them(critical, level):
    (item,) = [Incident.model_construct(title="Muon: noisy", opened_s=5.0)]
    report = overall({"open": 1}, item, FRESH, judged=9, critical=critical)
    assert (report.level, report.headline, report.more) == (level, "1 open incident", "Muon: noisy")


@pytest.mark.parametrize(
    ("bad", "warning", "good", "expected"),
    [
        (0, 1, 639, True),
        (1, 0, 639, True),
        (6, 0, 634, True),
        (7, 0, 633, False),
        (0, 1, 24, False),
        (0, 0, 640, False),
    ],
)
def test_one_path_of_many_does_not_paint_the_whole_trigger(bad, warning, good, expected):
    assert filters.few(Cell.model_construct(bad=bad, warning=warning, good=good)) is expected


def test_many_warnings_without_an_incident_are_the_headline():
    few, many = (overall({}, None, FRESH, judged=120, suspicious=number) for number in (3, 60))
    assert (few.level, many.level) == ("good", "warning")
    assert "3 of the 120 lumisections shown have a warning" in few.more
    assert "many warnings" in many.headline


@pytest.mark.parametrize(
    ("value", "spread", "shown"),
    [
        (3.14, 0.42, "3.1 ± 0.4"),
        (12.345, 0.051, "12.35 ± 0.05"),
        (8.0, 2.4, "8 ± 2"),
        (8.0, 0.0, "8"),
        (8.25, None, "8.25"),
        (None, 0.1, "–"),
    ],
)
def test_an_uncertainty_has_one_digit_and_the_value_as_many_places(value, spread, shown):
    assert filters.uncertain(value, spread) == shown


@pytest.mark.parametrize("name", ["Muon/Sector1", "HLT_Mu[3]*?/a,b", "[a]", ""])
def test_a_name_becomes_a_pattern_that_fits_it_and_holds_no_comma(name):
    pattern = filters.exactly(name)
    assert fnmatchcase(name, pattern)
    assert "," not in pattern
    assert not fnmatchcase(name + "x", pattern)
