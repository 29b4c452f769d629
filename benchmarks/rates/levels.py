"""The ways to choose the level that an event has to exceed: the hotline's own and two simple ones."""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dqm.events.level import Ladder
from streams.records import LumisectionKey

Float32 = npt.NDArray[np.float32]

REMEMBERED = 1_000_000
"""Events whose quantile is a baseline."""
_GREATEST = 50
"""Events of one lumisection that can matter for that quantile."""


@dataclass(frozen=True, slots=True)
class JudgedLumisection:
    """A lumisection that was judged: the surprise (n,) of its events, its live time in s, and how many were kept."""

    key: LumisectionKey
    surprise: Float32
    live_s: float
    kept_events: int


class Way(Protocol):
    """One way to choose the level."""

    def level(self) -> float:
        """What an event of the next lumisection has to exceed."""

    def learn(self, lumisection: JudgedLumisection) -> None:
        """Take a lumisection in."""


class Followed:
    """The ladder of the hotline."""

    def __init__(self, start: Ladder, per_hour: float) -> None:
        """Begin with the ladder of calibration."""
        self._ladder = start
        self._per_hour = per_hour

    def level(self) -> float:
        """That of the ladder."""
        return self._ladder.level(self._per_hour)

    def learn(self, lumisection: JudgedLumisection) -> None:
        """Count the events."""
        self._ladder = self._ladder.after(
            lumisection.key, lumisection.surprise, lumisection.live_s, lumisection.kept_events, self._per_hour
        )


class Fixed:
    """What would hold the rate if nothing had changed since calibration."""

    def __init__(self, events_per_s: float, per_hour: float) -> None:
        """Choose it once for all."""
        self._level = float(np.log(events_per_s * 3600.0 / per_hour))

    def level(self) -> float:
        """Always the same."""
        return self._level

    def learn(self, lumisection: JudgedLumisection) -> None:
        """Nothing is learned."""


class Newest:
    """A quantile of the newest million: as many lie beyond it as are declared for their live time."""

    def __init__(self, first: float, per_hour: float) -> None:
        """Begin at the level ``first``, until the newest events have a live time in which one is declared."""
        self._first = first
        self._per_hour = per_hour
        self._parts: deque[tuple[int, float, Float32]] = deque()
        self._events = 0

    def level(self) -> float:
        """The quantile."""
        rank = int(self._per_hour / 3600.0 * sum(live for _, live, _ in self._parts))
        if rank < 1:
            return self._first
        return float(np.partition(np.concatenate([item for _, _, item in self._parts]), -rank)[-rank])

    def learn(self, lumisection: JudgedLumisection) -> None:
        """Remember it, and forget the oldest."""
        self._parts.append((len(lumisection.surprise), lumisection.live_s, np.sort(lumisection.surprise)[-_GREATEST:]))
        self._events += len(lumisection.surprise)
        while self._events > REMEMBERED:
            self._events -= self._parts.popleft()[0]
