"""What must change so that the stored incidents of one fingerprint are the episodes of its lumisections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from conf.settings import AlertSettings
from opint.incidents.families import SYSTEM, IncidentKey
from opint.incidents.rule import Episode, Observation, OngoingIncident, OperatorResolved, walk
from opint.incidents.window import Window
from opint.store.incidents import Incident, Occurrence
from streams.records import LumisectionKey


class Because(StrEnum):
    """Why a change is made; the value is the word in the audit trail."""

    OPENED = "opened"
    """Enough of the last lumisections were bad."""
    SEEN = "seen"
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
    known: Sequence[StoredIncident],
    rules: AlertSettings,
    complete: bool,
) -> list[Change]:
    """Changes in the order in which they must be made: what ends comes before what begins.

    ``window`` holds consecutive lumisections in (run, LS) order, beginning after the last occurrence of
    ``start`` or where nothing was going on. If it is not ``complete``, more follow, and ``known`` says by
    ``after`` which incident goes on there.
    """
    settled = [OperatorResolved(one.id, one.first, one.last) for one in known if one.resolved and one.by_person]
    episodes = walk(window, start, settled, rules)
    absorbed = _assign(episodes, known, complete)
    owners = {episode.incident: episode for episode in episodes if episode.incident is not None}
    changes: list[Change] = []
    for one in known:
        if one.id in absorbed:
            stray = one.occurrences.keys() - owners[absorbed[one.id]].keys
            changes.append(Change(Because.MERGED, one.id, keys=tuple(sorted(stray)), into=absorbed[one.id]))
        else:
            changes += _changes(one, owners.get(one.id), one.id in absorbed.values())
    for episode in episodes:
        if episode.incident is None:
            changes.append(Change(Because.OPENED, None, tuple(episode.seen), ended=episode.ended))
    order = [Because.MERGED, Because.REVISED, Because.WITHDRAWN, Because.CLEARED]
    return sorted(changes, key=lambda change: order.index(change.because) if change.because in order else len(order))


def _assign(episodes: Sequence[Episode], known: Sequence[StoredIncident], complete: bool) -> dict[int, int]:
    """Give episodes the incidents that stand for them; which incidents merge into which.

    An incident that reaches beyond the window's end belongs to the episode that goes on there; if there is
    none although lumisections follow, that episode has ended by then. Any other incident belongs to the
    latest episode that it shares lumisections with, so that what is still going on keeps its number and the
    name of whoever has acknowledged it.
    """
    absorbed: dict[int, int] = {}
    taken = {episode.incident for episode in episodes}
    alive = next((one for one in reversed(episodes) if not one.settled and one.ended is None), None)
    beyond = next((one for one in known if one.after and not (one.resolved and one.by_person)), None)
    if alive is not None and beyond is not None and beyond.id != alive.incident:
        if alive.incident is None:
            alive.incident = beyond.id
            taken.add(beyond.id)
        else:
            absorbed[beyond.id] = alive.incident
    if alive is not None and beyond is None and not complete:
        alive.ended = alive.seen[-1].key if alive.seen else None
    free = [one for one in known if one.id not in taken and one.id not in absorbed]
    for episode in reversed(episodes):
        if episode.incident is None:
            shared = {one.id: len(episode.keys & one.occurrences.keys()) for one in free}
            best = max(shared, key=lambda number: (shared[number], -number), default=None)
            if best is not None and shared[best]:
                episode.incident = best
                free = [one for one in free if one.id != best]
    return absorbed


def _changes(one: StoredIncident, episode: Episode | None, absorbs: bool) -> list[Change]:
    """Changes of one incident that stays itself; ``episode`` None: the window shows nothing of it."""
    keys = set() if episode is None else episode.keys
    gone = tuple(sorted(one.occurrences.keys() - keys))
    changes = [Change(Because.REVISED, one.id, keys=gone)] if gone else []
    if episode is None:
        if gone and not one.before and not one.after:
            changes.append(Change(Because.WITHDRAWN, one.id))
        return changes
    new = tuple(seen for seen in episode.seen if one.occurrences.get(seen.key) != seen.bad)
    if new:
        changes.append(Change(Because.SEEN, one.id, new))
    if episode.settled or one.after or absorbs:
        return changes
    if episode.ended is not None and not one.resolved:
        changes.append(Change(Because.CLEARED, one.id, ended=episode.ended))
    if episode.ended is None and one.resolved:
        changes.append(Change(Because.REOPENED, one.id))
    return changes


@dataclass(frozen=True, slots=True)
class Case:
    """One fingerprint: its incidents near by; ``last``: the newest occurrence before the lumisections in question.

    ``last`` belongs to an incident that had been raised by then; None if there is none.
    """

    labels: IncidentKey
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
            judged = [one for one in window.judged if one.key > self.last.key]
        else:
            judged = [one for one in window.judged if one.key >= floor]
        if not judged:
            return 0, []
        seen = [one.observation(self.labels) for one in judged]
        keys = {one.key for one in seen}
        known = [
            _stored_incident(
                one,
                {each.key: each.elements for each in occurrences.get(one.id, ()) if each.key in keys},
                judged[0].key,
                judged[-1].key,
            )
            for one in self.incidents
            if _touches(one, judged[0].key, judged[-1].key) or (start is not None and one.id == start.incident)
        ]
        return max(one.size for one in seen), decide(seen, start, known, rules, window.complete)

    def _start(self, window: Window) -> OngoingIncident | None:
        """What goes on when the window begins."""
        if self.last is None or not window.judged:
            return None
        owner = next(one for one in self.incidents if one.id == self.last.incident)
        # Whether it was cleared before the window begins, only its state can tell.
        forgotten = window.cut and self.last.key < window.judged[0].key
        if _by_person(owner) or (forgotten and owner.state == "resolved"):
            return None
        return OngoingIncident(owner.id, self.last.elements)


def _by_person(one: Incident) -> bool:
    return one.state == "resolved" and one.resolved_by != SYSTEM


def _touches(one: Incident, first: LumisectionKey, last: LumisectionKey) -> bool:
    return one.first is not None and one.last is not None and one.first <= last and one.last >= first


def _stored_incident(
    one: Incident,
    occurrences: Mapping[LumisectionKey, tuple[str, ...]],
    first: LumisectionKey,
    last: LumisectionKey,
) -> StoredIncident:
    mine = one.first or first, one.last or last
    return StoredIncident(
        id=one.id,
        resolved=one.state == "resolved",
        by_person=_by_person(one),
        first=mine[0],
        last=mine[1],
        occurrences=occurrences,
        before=mine[0] < first,
        after=mine[1] > last,
    )
