"""Text for people: times in UTC (ISO 8601), numbers of things, and whether data is simulated."""

from collections.abc import Iterable
from datetime import UTC, datetime

from conf.errors import SettingsError

_LAST_S = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


def iso(seconds: float) -> str:
    """``2024-05-03T02:11:09Z`` for seconds since 1970."""
    return _moment(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(text: str) -> float:
    """Seconds since 1970 of ISO 8601, UTC where no zone is given; raises SettingsError for anything else."""
    try:
        moment = datetime.fromisoformat(text)
        seconds = (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()
    except (ValueError, OverflowError):
        seconds = -1.0
    if not 0 <= seconds < _LAST_S - 86_400:
        raise SettingsError(f"{text[:40]!r} is no moment after 1970; write one such as 2026-11-30T23:00:00Z")
    return seconds


def clock_time(seconds: float) -> str:
    """Time of day, ``23:59:59 UTC``."""
    return _moment(seconds).strftime("%H:%M:%S UTC")


def _moment(seconds: float) -> datetime:
    """The nearest that a calendar has: times in messages are what a producer's clock says, which may be anything."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), _LAST_S), UTC)


def is_simulated(name: str) -> bool:
    """Whether a dataset or an era has the word ``Simulated`` or ``Emulated``."""
    return "simulated" in name.lower() or "emulated" in name.lower()


def conditions_sentence(what: str, eras: Iterable[str | None]) -> str:
    """One sentence on ``what`` is made under conditions of these ``eras``, whose names say whether they are real."""
    real = not any(is_simulated(str(era)) for era in eras)
    return f"{what} {'real' if real else 'generated'} conditions, not measured."


def counted(number: int, noun: str) -> str:
    """``1 message``, ``12,000 messages``: a number before a noun whose plural ends with s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def ordinal(number: int) -> str:
    """``fifth``; from the eleventh on ``11th``."""
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"
