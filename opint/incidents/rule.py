"""The rule of raising and clearing, applied to lumisections in (run, LS) order.

An *episode* is a stretch of lumisections in which one fault was seen; an incident stands for an episode.
The rule follows the order of lumisections and not that of their arrival, so a lumisection that comes late
leads to the episodes that it would have led to in time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from conf.settings import AlertSettings
from streams.records import LumisectionKey


@dataclass(frozen=True, slots=True)
class Observation:
    """One folder in one lumisection, seen through one family.

    ``bad`` names the MEs with a verdict of this family, worst first; ``ill`` those that alarm for any
    family; ``inspected`` those judged and found not bad. ``size`` is how many MEs the folder has and
    ``p_value`` the smallest of the bad ones, None where they have none.
    """

    key: LumisectionKey
    bad: tuple[str, ...] = ()
    ill: frozenset[str] = frozenset()
    inspected: frozenset[str] = frozenset()
    size: int = 0
    p_value: float | None = None
    model_version: str = ""

    def heals(self, elements: tuple[str, ...]) -> bool:
        """Whether it speaks for the end of a fault that was last seen in ``elements``.

        At least one of them must have been inspected and none may alarm, for whatever reason: an ME that
        was dead and is now missing has not recovered, and neither has one that nobody looked at.
        """
        return not self.bad and self.ill.isdisjoint(elements) and not self.inspected.isdisjoint(elements)


@dataclass(frozen=True, slots=True)
class OngoingIncident:
    """At the beginning of the window ``incident`` goes on; it was last seen in ``elements``."""

    incident: int
    elements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperatorResolved:
    """An incident that a person has resolved: its range is closed for good, but late bad LS still belong to it."""

    incident: int
    first: LumisectionKey
    last: LumisectionKey


@dataclass(slots=True)
class Episode:
    """Bad observations of one episode as far as the window shows them.

    ``incident`` is known where the window's beginning or a person has fixed it; ``ended`` is the good
    lumisection that cleared it, None while it goes on.
    """

    observations: list[Observation] = field(default_factory=list)
    incident: int | None = None
    ended: LumisectionKey | None = None
    settled: bool = False

    @property
    def keys(self) -> set[LumisectionKey]:
        """Lumisections of the window in which it was observed."""
        return {observation.key for observation in self.observations}


def walk(
    window: Iterable[Observation],
    start: OngoingIncident | None,
    settled: Sequence[OperatorResolved],
    rules: AlertSettings,
) -> list[Episode]:
    """Episodes of a window of observations in (run, LS) order, oldest first.

    Raised when ``raise_bad`` of the last ``raise_of`` lumisections are bad, or at once by a whole-run
    histogram (LS 0); cleared after ``clear_good`` lumisections that speak for its end, with none in
    between that is bad. A lumisection that says nothing neither clears nor interrupts clearing.
    """
    walker = _Walker(
        start, {resolved.incident: Episode(incident=resolved.incident, settled=True) for resolved in settled}, rules
    )
    for observation in window:
        inside = next((range_ for range_ in settled if range_.first <= observation.key <= range_.last), None)
        if inside is None:
            walker.step(observation)
        else:
            walker.step_settled(observation, inside.incident)
    return walker.found


class _Walker:
    def __init__(self, start: OngoingIncident | None, settled: dict[int, Episode], rules: AlertSettings) -> None:
        self._rules = rules
        self._settled = settled
        self._current = None if start is None else Episode(incident=start.incident)
        self.found = [*settled.values()] + ([] if self._current is None else [self._current])
        self._elements = () if start is None else start.elements
        self._good = 0
        self._place = 0
        # Bad lumisections not yet part of an episode, with their places in the window.
        self._waiting: list[tuple[int, Observation]] = []

    def step(self, observation: Observation) -> None:
        if observation.key.ls > 0:
            self._place += 1
        if self._current is not None:
            self._go_on(self._current, observation)
        elif observation.bad:
            self._wait(observation)

    def step_settled(self, observation: Observation, incident: int) -> None:
        """Inside the range of a settled incident nothing is raised or cleared."""
        episode = self._settled[incident]
        self._place += observation.key.ls > 0
        if self._current is not None:
            self._current.ended = observation.key
            self._current = None
        episode.observations += [waiting for _, waiting in self._recent()]
        self._waiting = []
        if observation.bad:
            episode.observations.append(observation)

    def _go_on(self, episode: Episode, observation: Observation) -> None:
        if observation.bad:
            episode.observations.append(observation)
            self._elements, self._good = observation.bad, 0
        elif observation.heals(self._elements):
            self._good += 1
            if self._good >= self._rules.clear_good:
                episode.ended = observation.key
                self._current = None

    def _wait(self, observation: Observation) -> None:
        self._waiting = [*self._recent(), (self._place, observation)]
        if observation.key.ls == 0 or len(self._waiting) >= self._rules.raise_bad:
            self._current = Episode(observations=[waiting for _, waiting in self._waiting])
            self.found.append(self._current)
            self._elements, self._good, self._waiting = observation.bad, 0, []

    def _recent(self) -> list[tuple[int, Observation]]:
        """Of those waiting, the ones that lie within the last ``raise_of`` lumisections."""
        return [
            (place, observation) for place, observation in self._waiting if self._place - place < self._rules.raise_of
        ]
