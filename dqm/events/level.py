"""Which events are kept: a level of surprise that holds a declared rate while the detector drifts.

The calibrated surprise of an event, -log of its tail probability, would be exponential if nothing had changed since
training. What has changed shows at lower levels long before it shows among the few events an hour that are kept: the
*ladder* counts, for each of many levels, how many earlier events an hour of live time lay beyond it, and forgets with
time. The level is found from the rung that still has many events, going on with an exponential tail whose slope those
events have themselves. That tail is a model; how many more events than it promised were kept is remembered longer, and
taken into account. So neither the rate of events nor the declared one needs to be known in training, and memory is
some two thousand bytes. An event is never judged by a ladder that has counted it.
"""

from dataclasses import dataclass, replace

import numpy as np

from streams.arrays import Float32, Float64
from streams.records import LumisectionKey

RUNG = 0.25
RUNGS = 120
"""Of surprise: they reach to 30, once in 10^13 events."""
MEMORY_S = 12 * 3600.0
"""Live time after which what was counted weighs 1/e."""
ENOUGH = 100.0
"""Remembered events that the rung from which the tail goes on must have."""
PRIOR = 20.0
"""Events that the calibrated slope, which is 1, weighs as much as."""
TRUST_S = 72 * 3600.0
"""Live time after which what was kept and promised weighs 1/e."""
TRUST = 10.0
"""Kept events that the belief that as many are kept as promised weighs as much as."""
RECENT = 32
"""Lumisections of which parts may still come without their live time being counted again."""


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """What is remembered of earlier events.

    ``counts`` (rungs,) is the number of events in each step of surprise and ``sums`` (rungs,) that of their surprise,
    in a live time of ``live_s``. ``kept_events`` were kept in ``watched_s`` of live time where the tail had promised
    ``promised``; these three fade more slowly. ``recent`` holds the newest lumisections.
    """

    counts: Float64
    sums: Float64
    live_s: float = 0.0
    kept_events: float = 0.0
    promised: float = 0.0
    watched_s: float = 0.0
    recent: tuple[LumisectionKey, ...] = ()

    @classmethod
    def empty(cls) -> "Ladder":
        """Before the first event."""
        return cls(np.zeros(RUNGS), np.zeros(RUNGS))

    @classmethod
    def expected(cls, events_per_s: float, live_s: float) -> "Ladder":
        """As if calibration had been watched for ``live_s``, with so many events in a second of live time."""
        edges = RUNG * np.arange(RUNGS + 1)
        above = np.exp(-edges)
        above[-1] = 0.0
        # The integral of x e^-x over a rung.
        moment = (edges + 1.0) * above
        total = events_per_s * live_s
        return cls(-total * np.diff(above), -total * np.diff(moment), live_s)

    def level(self, per_hour: float) -> float:
        """The surprise beyond which ``per_hour`` events an hour of live time are expected; inf before any event."""
        target = self._corrected_rate(per_hour) / 3600.0 * self.live_s
        if target <= 0 or self.counts.sum() <= 0:
            return float("inf")
        start, events, slope = self._tail(target)
        return start + max(float(np.log(events / target)), 0.0) / slope

    def once_in_hours(self, surprise: float) -> float:
        """Hours of live time in which one event beyond ``surprise`` is expected, which is above the level."""
        start, events, slope = self._tail(0.0)
        return self.live_s / 3600.0 / events * float(np.exp(slope * max(surprise - start, 0.0)))

    def strain(self, per_hour: float) -> float:
        """How many standard deviations more (or, negative, fewer) events were kept of late than are declared."""
        declared = per_hour * self.watched_s / 3600.0
        return float((self.kept_events - declared) / np.sqrt(declared + 1.0))

    def _corrected_rate(self, per_hour: float) -> float:
        """The rate to request from the tail so that ``per_hour`` are kept."""
        return per_hour * (self.promised + TRUST) / (self.kept_events + TRUST)

    def _tail(self, target: float) -> tuple[float, float, float]:
        """Where the exponential tail starts, how many events are beyond it, and its slope."""
        beyond = np.cumsum(self.counts[::-1])[::-1]
        start = int(np.flatnonzero(beyond >= min(max(ENOUGH, target), beyond[0]))[-1])
        events = float(beyond[start])
        excess = float(self.sums[start:].sum()) - events * RUNG * start
        return RUNG * start, events, (events + PRIOR) / (max(excess, 0.0) + PRIOR)

    def passed(self, key: LumisectionKey, live_s: float) -> float:
        """Live time that passes with a part of a lumisection, s: that of the lumisection with its first part."""
        return 0.0 if key in self.recent else live_s

    def after(
        self, key: LumisectionKey, surprise: Float32, live_s: float, kept_events: int, per_hour: float
    ) -> "Ladder":
        """With the events of a lumisection or a part of it, of which ``kept_events`` were kept to hold ``per_hour``."""
        passed = self.passed(key, live_s)
        fade = float(np.exp(-passed / MEMORY_S))
        trust = float(np.exp(-passed / TRUST_S))
        rung = np.minimum(surprise / RUNG, RUNGS - 1).astype(np.intp)
        return replace(
            self,
            counts=fade * self.counts + np.bincount(rung, minlength=RUNGS),
            sums=fade * self.sums + np.bincount(rung, surprise.astype(np.float64), minlength=RUNGS),
            live_s=fade * self.live_s + passed,
            kept_events=trust * self.kept_events + kept_events,
            promised=trust * self.promised + passed / 3600.0 * self._corrected_rate(per_hour),
            watched_s=trust * self.watched_s + passed,
            recent=self.recent if key in self.recent else (*self.recent, key)[-RECENT:],
        )
