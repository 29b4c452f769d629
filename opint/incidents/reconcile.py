"""What must change so that the stored incidents of one fingerprint are the episodes of its lumisections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from conf.settings import AlertSettings
from opint.incidents.families import SYSTEM, IncidentKey
from opint.incidents.rule import Episode, Observation, OngoingIncident, OperatorResolved, walk
from opint.incidents.window import Window
from opint.store.incidents import Incident
from opint.store.occurrences import Occurrence
from streams.records import LumisectionKey


class Because(StrEnum):
    """Why a change is made; the value is the word in the audit trail."""

    OPENED = "opened"
    """Enough of the last lumisections were bad."""
    CONTINUED = "seen"
    """One more bad lumisection of an incident that exists, or other MEs in one of its lumisections."""
    REVISED = "revised"
    """A lumisection that was bad is so no longer, or belongs to another incident."""
    CLEARED = "cleared"
    """Enough inspected lumisections were good."""
    REOPENED = "reopened"
    """Late lumisections show that it had not ended."""
    MERGED = "merged"
    """Late lumisections show that it is one with another incident."""
    WITHDRAWN = "withdrawn"
    """Late or revised lumisections show that there was no reason to raise it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one incident (None: a new one).

    ``observations`` become occurrences, ``keys`` stop being some. ``ended`` is the lumisection that
    cleared it; ``into`` the incident that it merges with.
    """

    because: Because
    incident: int | None
    observations: tuple[Observation, ...] = ()
    keys: tuple[LumisectionKey, ...] = ()
    ended: LumisectionKey | None = None
    into: int | None = None


@dataclass(frozen=True, slots=True)
class StoredIncident:
    """A stored incident as far as a window touches it.

    ``occurrences`` maps its lumisections inside the window to the MEs; ``before`` and ``after`` say
    whether it has others, before the window and after it. ``first`` and ``last`` are of all of them.
    """

    id: int
    resolved: bool
    by_person: bool
    first: LumisectionKey
    last: LumisectionKey
    occurrences: Mapping[LumisectionKey, tuple[str, ...]] = field(default_factory=dict)
    before: bool = False
    after: bool = False


def decide(
    window: Sequence[Observation],
    start: OngoingIncident | None,
    stored: Sequence[StoredIncident],
    rules: AlertSettings,
    complete: bool,
) -> list[Change]:
    """Changes in the order in which they must be made: what ends comes before what begins.

    ``window`` holds consecutive lumisections in (run, LS) order, beginning after the last occurrence of
    ``start`` or where nothing was going on. If it is not ``complete``, more follow, and ``stored`` says by
    ``after`` which incident goes on there.
    """
    settled = [
        OperatorResolved(incident.id, incident.first, incident.last)
        for incident in stored
        if incident.resolved and incident.by_person
    ]
    episodes = walk(window, start, settled, rules)
    absorbed = _assign(episodes, stored, complete)
    owners = {episode.incident: episode for episode in episodes if episode.incident is not None}
    changes: list[Change] = []
    for incident in stored:
        if incident.id in absorbed:
            stray = incident.occurrences.keys() - owners[absorbed[incident.id]].keys
            changes.append(Change(Because.MERGED, incident.id, keys=tuple(sorted(stray)), into=absorbed[incident.id]))
        else:
            changes += _changes(incident, owners.get(incident.id), incident.id in absorbed.values())
    for episode in episodes:
        if episode.incident is None:
            changes.append(Change(Because.OPENED, None, tuple(episode.observations), ended=episode.ended))
    order = [Because.MERGED, Because.REVISED, Because.WITHDRAWN, Because.CLEARED]
    return sorted(changes, key=lambda change: order.index(change.because) if change.because in order else len(order))


def _assign(episodes: Sequence[Episode], stored: Sequence[StoredIncident], complete: bool) -> dict[int, int]:
    """Give episodes the incidents that stand for them; which incidents merge into which.

    An incident that reaches beyond the window's end belongs to the episode that goes on there; if there is
    none although lumisections follow, that episode has ended by then. Any other incident belongs to the
    latest episode that it shares lumisections with, so that what is still going on keeps its number and the
    name of whoever has acknowledged it.
    """
    absorbed: dict[int, int] = {}
    assigned = {episode.incident for episode in episodes}
    alive = next((episode for episode in reversed(episodes) if not episode.settled and episode.ended is None), None)
    beyond = next(
        (incident for incident in stored if incident.after and not (incident.resolved and incident.by_person)), None
    )
    if alive is not None and beyond is not None and beyond.id != alive.incident:
        if alive.incident is None:
            alive.incident = beyond.id
            assigned.add(beyond.id)
        else:
            absorbed[beyond.id] = alive.incident
    if alive is not None and beyond is None and not complete:
        alive.ended = alive.observations[-1].key if alive.observations else None
    free = [incident for incident in stored if incident.id not in assigned and incident.id not in absorbed]
    for episode in reversed(episodes):
        if episode.incident is None:
            shared = {incident.id: len(episode.keys & incident.occurrences.keys()) for incident in free}
            best = max(shared, key=lambda number: (shared[number], -number), default=None)
            if best is not None and shared[best]:
                episode.incident = best
                free = [incident for incident in free if incident.id != best]
    return absorbed


def _changes(incident: StoredIncident, episode: Episode | None, absorbs: bool) -> list[Change]:
    """Changes of one incident that stays itself; ``episode`` None: the window shows nothing of it."""
    keys = set() if episode is None else episode.keys
    gone = tuple(sorted(incident.occurrences.keys() - keys))
    changes = [Change(Because.REVISED, incident.id, keys=gone)] if gone else []
    if episode is None:
        if gone and not incident.before and not incident.after:
            changes.append(Change(Because.WITHDRAWN, incident.id))
        return changes
    new = tuple(
        observation
        for observation in episode.observations
        if incident.occurrences.get(observation.key) != observation.bad
    )
    if new:
        changes.append(Change(Because.CONTINUED, incident.id, new))
    if episode.settled or incident.after or absorbs:
        return changes
    if episode.ended is not None and not incident.resolved:
        changes.append(Change(Because.CLEARED, incident.id, ended=episode.ended))
    if episode.ended is None and incident.resolved:
        changes.append(Change(Because.REOPENED, incident.id))
    return changes


@dataclass(frozen=True, slots=True)
class Case:
    """One fingerprint: its incidents near by; ``last``: the newest occurrence before the lumisections in question.

    ``last`` belongs to an incident that had been raised by then; None if there is none.
    """

    incident_key: IncidentKey
    incidents: Sequence[Incident]
    last: Occurrence | None

    def changes(
        self,
        window: Window,
        floor: LumisectionKey,
        occurrences: Mapping[int, Sequence[Occurrence]],
        rules: AlertSettings,
    ) -> tuple[int, list[Change]]:
        """How many MEs the folder has, and what must change.

        ``floor`` is where to begin if nothing was going on; ``occurrences`` are those of the window, by
        incident.
        """
        start = self._start(window)
        if start is not None and self.last is not None:
            judged = [verdict for verdict in window.judged if verdict.key > self.last.key]
        else:
            judged = [verdict for verdict in window.judged if verdict.key >= floor]
        if not judged:
            return 0, []
        observations = [verdict.observation(self.incident_key) for verdict in judged]
        keys = {observation.key for observation in observations}
        stored = [
            _stored_incident(
                incident,
                {
                    occurrence.key: occurrence.elements
                    for occurrence in occurrences.get(incident.id, ())
                    if occurrence.key in keys
                },
                judged[0].key,
                judged[-1].key,
            )
            for incident in self.incidents
            if _touches(incident, judged[0].key, judged[-1].key)
            or (start is not None and incident.id == start.incident)
        ]
        return max(observation.size for observation in observations), decide(
            observations, start, stored, rules, window.complete
        )

    def _start(self, window: Window) -> OngoingIncident | None:
        """What goes on when the window begins."""
        if self.last is None or not window.judged:
            return None
        owner = next(incident for incident in self.incidents if incident.id == self.last.incident)
        # Whether it was cleared before the window begins, only its state can tell.
        forgotten = window.cut and self.last.key < window.judged[0].key
        if _by_person(owner) or (forgotten and owner.state == "resolved"):
            return None
        return OngoingIncident(owner.id, self.last.elements)


def _by_person(incident: Incident) -> bool:
    return incident.state == "resolved" and incident.resolved_by != SYSTEM


def _touches(incident: Incident, first: LumisectionKey, last: LumisectionKey) -> bool:
    return (
        incident.first is not None and incident.last is not None and incident.first <= last and incident.last >= first
    )


def _stored_incident(
    incident: Incident,
    occurrences: Mapping[LumisectionKey, tuple[str, ...]],
    first: LumisectionKey,
    last: LumisectionKey,
) -> StoredIncident:
    extent = incident.first or first, incident.last or last
    return StoredIncident(
        id=incident.id,
        resolved=incident.state == "resolved",
        by_person=_by_person(incident),
        first=extent[0],
        last=extent[1],
        occurrences=occurrences,
        before=extent[0] < first,
        after=extent[1] > last,
    )
