"""What the page of the hotline draws: the kept rate against the declared one, and where values lie. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from opint.store.views.hotline import Hour, Unusual

MOST_BARS = 36
_TWO_SIDED_95 = 1.96


@dataclass(frozen=True, slots=True)
class Bar:
    """Some hours of live time up to ``until_s`` (s since 1970), all numbers but ``hours`` in events an hour.

    Chance puts 95 % of what is kept between ``low`` and ``high``.
    """

    until_s: float
    hours: float
    kept: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lies against what is usual, all in shares of a picture's width."""

    low: float
    high: float
    value: float


def bars(hours: Sequence[Hour], per_hour: float) -> list[Bar]:
    """At most ``MOST_BARS`` bars of equally many hours, oldest first; the newest may hold fewer."""
    width = max(1, math.ceil(len(hours) / MOST_BARS))
    return [_bar(hours[first : first + width], per_hour) for first in range(0, len(hours), width)]


def place(one: Unusual) -> Place:
    """The usual range takes the middle of the picture, unless the value lies far from it."""
    first, last = min(one.low, one.value), max(one.high, one.value)
    margin = 0.08 * (last - first) or 1.0
    first, width = first - margin, last - first + 2 * margin
    return Place(*((value - first) / width for value in (one.low, one.high, one.value)))


def _bar(hours: Sequence[Hour], per_hour: float) -> Bar:
    live = sum(one.live_s for one in hours) / 3600.0
    if live <= 0:
        return Bar(hours[-1].updated_s, 0.0, 0.0, 0.0, 0.0)
    reach = _TWO_SIDED_95 * math.sqrt(per_hour / live)
    kept = sum(one.kept for one in hours) / live
    return Bar(hours[-1].updated_s, live, kept, max(0.0, per_hour - reach), per_hour + reach)
