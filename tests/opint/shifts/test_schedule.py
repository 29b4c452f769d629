"""When shifts begin and end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.dashboard import ShiftSettings
from conf.errors import SettingsError
from opint.shifts.schedule import shift_at

CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//experiment//shifts//EN
BEGIN:VEVENT
UID:night
SUMMARY:Ada Lovelace\\, Grace Hopper
DTSTART:20261101T220000Z
DTEND:20261102T060000Z
RRULE:FREQ=DAILY;COUNT=60
END:VEVENT
BEGIN:VEVENT
UID:period
SUMMARY:Heavy ions
DTSTART:20261101T000000Z
DTEND:20261231T000000Z
END:VEVENT
END:VCALENDAR
"""


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - taken as UTC below
def test_shifts_by_time_of_day_cover_every_moment_once(moment):
    settings = ShiftSettings()
    moment_s = moment.replace(tzinfo=UTC).timestamp()
    shift = shift_at(settings, moment_s)
    assert shift.begin_s <= moment_s < shift.end_s
    assert shift.end_s - shift.begin_s == timedelta(hours=8).total_seconds()
    assert shift_at(settings, shift.end_s).begin_s == shift.end_s
    assert shift_at(settings, shift.begin_s) == shift


def test_a_single_start_makes_shifts_of_a_day():
    shift = shift_at(ShiftSettings(starts="06:30"), at("2026-11-30T03:00"))
    assert (shift.begin_s, shift.end_s) == (at("2026-11-29T06:30"), at("2026-11-30T06:30"))


@pytest.fixture
def calendar(tmp_path):
    path = tmp_path / "shifts.ics"
    path.write_text(CALENDAR)
    return ShiftSettings(calendar=path)


def test_events_of_a_calendar_are_shifts_and_say_who_takes_them(calendar):
    night = shift_at(calendar, at("2026-11-30T03:00"))
    assert (night.begin_s, night.end_s) == (at("2026-11-29T22:00"), at("2026-11-30T06:00"))
    assert night.people == "Ada Lovelace, Grace Hopper"
    day = shift_at(calendar, at("2026-11-30T12:00"))
    assert (day.begin_s, day.people) == (at("2026-11-30T07:00"), ""), "where the calendar has none, times of day count"


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n", b"x" * (5 << 20)])
def test_a_calendar_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "shifts.ics"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"^shifts\.calendar .*shifts\.ics"):
        shift_at(ShiftSettings(calendar=path), 0.0)
