"""All that is needed to decide about one fingerprint around some lumisections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conf.settings import AlertSettings
from opint.alerts.decide import Change, Known, decide
from opint.alerts.episodes import Start
from opint.alerts.labels import Labels
from opint.alerts.ledger import SYSTEM
from opint.alerts.window import Window
from opint.store.incidents import Incident, Occurrence
from streams.records import LumisectionKey


@dataclass(frozen=True, slots=True)
class Case:
    """One fingerprint: its incidents near by; ``last``: the newest occurrence before the lumisections in question.

    ``last`` belongs to an incident that had been raised by then; None if there is none.
    """

    labels: Labels
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
            _known(
                one,
                {each.key: each.elements for each in occurrences.get(one.id, ()) if each.key in keys},
                judged[0].key,
                judged[-1].key,
            )
            for one in self.incidents
            if _touches(one, judged[0].key, judged[-1].key) or (start is not None and one.id == start.incident)
        ]
        return max(one.size for one in seen), decide(seen, start, known, rules, window.complete)

    def _start(self, window: Window) -> Start | None:
        """What goes on when the window begins."""
        if self.last is None or not window.judged:
            return None
        owner = next(one for one in self.incidents if one.id == self.last.incident)
        # Whether it was cleared before the window begins, only its state can tell.
        forgotten = window.cut and self.last.key < window.judged[0].key
        if _by_person(owner) or (forgotten and owner.state == "resolved"):
            return None
        return Start(owner.id, self.last.elements)


def _by_person(one: Incident) -> bool:
    return one.state == "resolved" and one.resolved_by != SYSTEM


def _touches(one: Incident, first: LumisectionKey, last: LumisectionKey) -> bool:
    return one.first is not None and one.last is not None and one.first <= last and one.last >= first


def _known(
    one: Incident,
    occurrences: Mapping[LumisectionKey, tuple[str, ...]],
    first: LumisectionKey,
    last: LumisectionKey,
) -> Known:
    mine = one.first or first, one.last or last
    return Known(
        id=one.id,
        resolved=one.state == "resolved",
        by_person=_by_person(one),
        first=mine[0],
        last=mine[1],
        occurrences=occurrences,
        before=mine[0] < first,
        after=mine[1] > last,
    )
