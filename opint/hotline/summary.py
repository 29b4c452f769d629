"""What the page of the hotline shows: the kept rate against the declared one, and where values lie. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from opint.store.hotline import Hour, KeptEvent
from opint.wording import conditions_sentence, is_simulated

MOST_BARS = 36
RECENT_H = 10.0
"""Hours of live time that are taken together to say whether the declared rate is held."""
_TWO_SIDED_95 = 1.96


@dataclass(frozen=True, slots=True)
class Bar:
    """Some hours of live time up to ``until_s`` (s since 1970), all numbers but ``hours`` in events an hour.

    Chance puts 95 % of what is kept between ``low`` and ``high``.
    """

    until_s: float
    hours: float
    kept_events: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RecentRate:
    """Events kept in the newest ``hours`` of live time, of which ``declared`` were to be.

    Chance puts their number between ``low`` and ``high`` in 95 % of such hours.
    """

    hours: float
    kept_events: int
    declared: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Whether chance alone explains the difference."""
        if self.kept_events > self.high:
            return "more than chance explains"
        return "fewer than chance explains" if self.kept_events < self.low else "as declared"


@dataclass(frozen=True, slots=True)
class PicturePosition:
    """Where a value lies against what is usual, all in shares of a picture's width."""

    low: float
    high: float
    value: float


@dataclass(frozen=True, slots=True)
class FeatureRange:
    """A feature of an event beside the range in which 95 % of training events have it."""

    feature: str
    value: float
    low: float
    high: float

    @property
    def outside(self) -> bool:
        """Whether the value is not a usual one."""
        return not self.low <= self.value <= self.high

    @property
    def place(self) -> PicturePosition:
        """The usual range takes the middle of the picture, unless the value lies far from it."""
        first, last = min(self.low, self.value), max(self.high, self.value)
        margin = 0.08 * (last - first) or 1.0
        first, width = first - margin, last - first + 2 * margin
        return PicturePosition(*((value - first) / width for value in (self.low, self.high, self.value)))


def unusual_features(event: KeptEvent) -> list[FeatureRange]:
    """The features that speak most against an event, the dearest first."""
    return [FeatureRange(value.feature, value.value, value.low, value.high) for value in event.unusual]


def all_features(event: KeptEvent) -> list[FeatureRange]:
    """All features of an event, in the order in which they were published."""
    return [FeatureRange(name, value, *event.usual[name]) for name, value in event.features.items()]


def simulated_notice(events: Sequence[KeptEvent]) -> str:
    """One sentence if events are not measured, or some of them; empty if all are."""
    simulated = [event for event in events if is_simulated(event.dataset)]
    if not simulated:
        return ""
    what = "This event is" if len(events) == 1 else "These events are"
    if len(simulated) < len(events):
        what = "Some of these events are"
    return conditions_sentence(f"{what} simulated under", (event.conditions.get("era") for event in simulated))


def recent_rate(hours: Sequence[Hour], per_hour: float) -> RecentRate:
    """What was kept in the newest ``LATELY_H`` of live time, or since the start if that is less."""
    kept_events, live = 0, 0.0
    for hour in reversed(hours):
        kept_events, live = kept_events + hour.kept_events, live + hour.live_s / 3600.0
        if live >= RECENT_H:
            break
    declared = per_hour * live
    return RecentRate(live, kept_events, declared, *_chance_interval(declared))


def bars(hours: Sequence[Hour], per_hour: float) -> list[Bar]:
    """At most ``MOST_BARS`` bars of equally many hours, oldest first; the newest may hold fewer."""
    width = max(1, math.ceil(len(hours) / MOST_BARS))
    return [_bar(hours[first : first + width], per_hour) for first in range(0, len(hours), width)]


def _bar(hours: Sequence[Hour], per_hour: float) -> Bar:
    live = sum(hour.live_s for hour in hours) / 3600.0
    if live <= 0:
        return Bar(hours[-1].updated_s, 0.0, 0.0, 0.0, 0.0)
    low, high = _chance_interval(per_hour * live)
    return Bar(hours[-1].updated_s, live, sum(hour.kept_events for hour in hours) / live, low / live, high / live)


def _chance_interval(declared: float) -> tuple[float, float]:
    """Between what numbers chance puts 95 % of counts of which ``declared`` are expected."""
    reach = _TWO_SIDED_95 * math.sqrt(declared)
    return max(0.0, declared - reach), declared + reach
