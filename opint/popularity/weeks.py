"""Weeks of seven days, numbered from a first day.

Tables follow different calendars: some begin anew each year with a last week of eight days, others are a day or two
off. A period belongs to the week in which it begins.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from opint.popularity.errors import TableError

DAYS_PER_WEEK = 7
SHORTEST_WEEK_DAYS, LONGEST_WEEK_DAYS = 6, 8
"""Accepted lengths of a week: the last week of a year may have eight days."""
EARLIEST_DAY, LATEST_DAY = date(1990, 1, 1), date(2100, 1, 1)


@dataclass(frozen=True, slots=True)
class Weeks:
    """Weeks counted from ``anchor``, the first day of week 0."""

    anchor: date

    def number(self, day: date) -> int:
        """The number of the week of ``day``; negative before the anchor."""
        return (day - self.anchor).days // DAYS_PER_WEEK

    def start(self, number: int) -> date:
        """First day of a week."""
        return self.anchor + timedelta(days=DAYS_PER_WEEK * number)


def parse_day(text: str, origin: str, field: str = "week") -> date:
    """A day as ``2026-11-25`` or ``20261125``.

    Raises:
        TableError: it is not a day, or lies before 1990 or after 2099.
    """
    digits = text.replace("-", "") if len(text) == 10 else text
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if len(digits) == 8 else None
    except ValueError:
        day = None
    if day is None or not EARLIEST_DAY <= day < LATEST_DAY:
        raise TableError(origin, field, repr(text), "a day is needed, as 2026-11-25")
    return day


def parse_period(text: str, origin: str) -> date:
    """First day of a period such as ``20130101-20130107``, about a week long.

    Raises:
        TableError: it is not a period, or has fewer than six or more than eight days.
    """
    first, _, last = text.partition("-")
    begin, end = parse_day(first, origin), parse_day(last, origin)
    days = (end - begin).days + 1
    if not SHORTEST_WEEK_DAYS <= days <= LONGEST_WEEK_DAYS:
        raise TableError(origin, "week", repr(text), f"it has {days} days; weeks of six to eight days are read")
    return begin
