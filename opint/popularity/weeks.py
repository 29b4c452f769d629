"""Weeks as columns: seven days each, counted from a day at which one begins.

Tables are kept by different clocks: some begin anew each year with a last week of eight days, some are a day or two
off. A period belongs to the week in which it begins.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from opint.popularity.errors import TableError

DAYS = 7
SHORTEST_DAYS, LONGEST_DAYS = 6, 8
"""Days of what may be called a week: the last one of a year may have eight."""
EARLIEST, LATEST = date(1990, 1, 1), date(2100, 1, 1)


@dataclass(frozen=True, slots=True)
class Weeks:
    """Weeks from ``anchor``, which begins number 0."""

    anchor: date

    def number(self, day: date) -> int:
        """Of the week that ``day`` lies in; negative before the anchor."""
        return (day - self.anchor).days // DAYS

    def start(self, number: int) -> date:
        """First day of a week."""
        return self.anchor + timedelta(days=DAYS * number)


def parse_day(text: str, origin: str, field: str = "week") -> date:
    """A day as ``2026-11-25`` or ``20261125``.

    Raises:
        TableError: it is none, or not of our time.
    """
    digits = text.replace("-", "") if len(text) == 10 else text
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if len(digits) == 8 else None
    except ValueError:
        day = None
    if day is None or not EARLIEST <= day < LATEST:
        raise TableError(origin, field, repr(text), "a day is needed, as 2026-11-25")
    return day


def parse_period(text: str, origin: str) -> date:
    """First day of a period ``20130101-20130107`` that is about a week long.

    Raises:
        TableError: it is no period, or has fewer than six or more than eight days.
    """
    first, _, last = text.partition("-")
    begin, end = parse_day(first, origin), parse_day(last, origin)
    days = (end - begin).days + 1
    if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
        raise TableError(origin, "week", repr(text), f"it has {days} days; weeks of six to eight days are read")
    return begin
