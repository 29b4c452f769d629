"""When a shift begins and ends, and who takes it: from times of day, or from a calendar file (RFC 5545)."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from conf.dashboard import ShiftSettings
from conf.errors import SettingsError

LARGEST_CALENDAR = 4 << 20
"""Bytes."""
MOST_PEOPLE = 200
"""Characters of an event's title that are shown."""
LONGEST = timedelta(days=2)
"""An event beyond this length, such as a run period, is no shift."""


@dataclass(frozen=True, slots=True)
class Shift:
    """From ``begin_s`` to ``end_s`` (s since 1970, the end excluded); ``people`` as the calendar names them."""

    begin_s: float
    end_s: float
    people: str = ""


def shift_at(settings: ShiftSettings, at_s: float) -> Shift:
    """The shift of a moment; where the calendar has none, that of the times of day.

    Raises SettingsError for a calendar that cannot be read.
    """
    at = datetime.fromtimestamp(at_s, UTC)
    if settings.calendar is not None:
        event = _event_at(settings.calendar, at)
        if event is not None:
            return event
    starts = [time.fromisoformat(part.strip()) for part in settings.starts.split(",")]
    days = [at.date() + timedelta(days=offset) for offset in (-1, 0, 1)]
    begins = [datetime.combine(day, start, UTC) for day in days for start in starts]
    begin = max(moment for moment in begins if moment <= at)
    end = min((moment for moment in begins if moment > at), default=begin + timedelta(days=1))
    return Shift(begin.timestamp(), end.timestamp())


def _event_at(path: Path, at: datetime) -> Shift | None:
    """The shortest event that covers a moment, recurring ones included."""
    import recurring_ical_events  # noqa: PLC0415 - only where there is a calendar

    calendar = _calendar(path, _changed(path))
    try:
        events = recurring_ical_events.of(calendar).between(at, at + timedelta(seconds=1))
    except Exception as error:  # A calendar's rules are a language of their own; whatever they do, the page goes on.
        raise SettingsError(f"shifts.calendar {path} cannot be used: {error}") from error
    shifts = []
    for event in events:
        begin, end = _moment(event["DTSTART"].dt), _moment(event["DTEND"].dt if "DTEND" in event else None)
        if begin is not None and end is not None and begin <= at < end and end - begin <= LONGEST:
            people = " ".join(str(event.get("SUMMARY", "")).split())[:MOST_PEOPLE]
            shifts.append((end - begin, Shift(begin.timestamp(), end.timestamp(), people)))
    return min(shifts, key=lambda pair: pair[0])[1] if shifts else None


def _moment(value: object) -> datetime | None:
    """A time of day without a zone is taken as UTC; whole days are no shifts."""
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise SettingsError(f"shifts.calendar {path} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=1)
def _calendar(path: Path, _changed_ns: int) -> Any:
    from icalendar import Calendar  # noqa: PLC0415 - as above

    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_CALENDAR + 1)
        if len(raw) > LARGEST_CALENDAR:
            raise SettingsError(f"shifts.calendar {path} is larger than {LARGEST_CALENDAR} bytes; this is no calendar")
        return Calendar.from_ical(raw)
    except OSError as error:
        raise SettingsError(f"shifts.calendar {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"shifts.calendar {path} is no iCalendar file: {str(error)[:200]}") from error
