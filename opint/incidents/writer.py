"""Writing decided changes: incidents, occurrences and their history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from opint.incidents import titles
from opint.incidents.families import SYSTEM, TRIGGER, IncidentKey, fingerprint
from opint.incidents.reconcile import Because, Change
from opint.incidents.rule import Observation
from opint.store import bands, evidence, feedback, incidents
from opint.store.bands import Seen
from opint.store.evidence import Hint
from opint.store.incidents import Entry, Incident, Occurrence
from streams.records import LumisectionKey

KeyChanges = tuple[IncidentKey, int, Sequence[Change]]
"""Labels, the number of MEs in the folder, and what changes."""

_ENDS = frozenset({Because.MERGED, Because.WITHDRAWN, Because.CLEARED})


@dataclass
class IncidentWriter:
    """Applies the changes of one transaction; ``incidents`` are the stored ones, by number, and are changed."""

    tx: Connection
    now_s: float
    incidents: dict[int, Incident]
    opened: list[Incident] = field(default_factory=list)
    cleared: list[Incident] = field(default_factory=list)
    _entries: list[Entry] = field(default_factory=list)
    _touched: set[int] = field(default_factory=set)
    _recount: set[int] = field(default_factory=set)
    _seen: list[Occurrence] = field(default_factory=list)
    _sizes: dict[int, tuple[IncidentKey, int]] = field(default_factory=dict)
    _newest: dict[tuple[int, str], Observation] = field(default_factory=dict)
    _hints: dict[tuple[str, LumisectionKey, str], Mapping[str, Hint]] = field(default_factory=dict)

    def write(self, decided: Sequence[KeyChanges]) -> None:
        """Make all changes.

        What ends is written before what begins, because at most one incident of a fingerprint is active.
        """
        for labels, size, changes in decided:
            for change in changes:
                if change.incident is not None:
                    self._sizes[change.incident] = (labels, size)
                    self._change(labels, size, self.incidents[change.incident], change)
            self._hand_words_on(changes)
        incidents.add_occurrences(self.tx, self._seen)
        for number in self._recount:
            self._count_anew(self.incidents[number])
        for number in self._touched:
            self._retitle(self.incidents[number])
        changed = [self.incidents[number] for number in self._touched]
        incidents.overwrite(self.tx, sorted(changed, key=lambda one: one.state != "resolved"))
        for labels, size, changes in decided:
            for change in changes:
                if change.incident is None:
                    self._open(labels, size, change)
        incidents.write_history(self.tx, self._entries)

    def _change(self, labels: IncidentKey, size: int, one: Incident, change: Change) -> None:
        self._touched.add(one.id)
        one.updated_s = self.now_s
        if change.keys:
            incidents.remove_occurrences(self.tx, one.id, change.keys)
            self._recount.add(one.id)
        if change.observations:
            self._see(labels, size, one, change.observations)
        if change.into is not None:
            self._merge(one, self.incidents[change.into])
        if change.because in _ENDS and one.state != "resolved":
            one.state, one.resolved_s, one.resolved_by = "resolved", self.now_s, SYSTEM
        if change.because is Because.CLEARED:
            self.cleared.append(one)
        if change.because is Because.REOPENED:
            one.reopen()
        if change.because is not Because.SEEN or one.state == "resolved":
            self._note(one, change.because, _detail(change))

    def _see(self, labels: IncidentKey, size: int, one: Incident, seen: Sequence[Observation]) -> None:
        occurrences = [self._occurrence(labels, one.id, each) for each in seen]
        self._seen += occurrences
        self._newest |= {(one.id, stored.kind): each for stored, each in zip(occurrences, seen, strict=True)}
        first, last = one.first, one.last
        if first is not None and last is not None and all(each.key > last for each in seen):
            one.lumisections += len(seen)
            one.last_run, one.last_ls = seen[-1].key.run, seen[-1].key.ls
        else:
            self._recount.add(one.id)
        if any(each.kind != one.kind for each in occurrences):
            self._recount.add(one.id)
        worst = max(seen, key=lambda each: len(each.bad))
        if len(worst.bad) > one.elements:
            one.elements = len(worst.bad)
            one.explanation = titles.explanation(labels, worst, self._hints_of(labels, worst.key))
        one.model_version = seen[-1].model_version
        if one.severity == "warning" and _severity(labels.family, seen, size) == "critical":
            one.severity = "critical"
            self._note(one, "worsened", f"critical since {titles.lumisection_name(worst.key)}")

    def _merge(self, one: Incident, into: Incident) -> None:
        incidents.move_occurrences(self.tx, one.id, into.id)
        feedback.move(self.tx, one.id, into.id)
        into.state, into.resolved_s, into.resolved_by = one.state, one.resolved_s, one.resolved_by
        into.acknowledged_s = into.acknowledged_s or one.acknowledged_s
        into.acknowledged_by = into.acknowledged_by or one.acknowledged_by
        into.updated_s = self.now_s
        self._touched.add(into.id)
        self._recount |= {one.id, into.id}
        self._sizes[into.id] = self._sizes[one.id]
        self._note(into, Because.MERGED, f"took in incident {one.id}")

    def _hand_words_on(self, changes: Sequence[Change]) -> None:
        """What an operator said of a withdrawn incident goes to the one that its lumisections belong to now."""
        for gone in [one.incident for one in changes if one.because is Because.WITHDRAWN]:
            keys = {key for one in changes if one.incident == gone for key in one.keys}
            takers = [one.incident for one in changes if any(seen.key in keys for seen in one.observations)]
            into = next((number for number in takers if number is not None), None)
            if gone is not None and into is not None:
                feedback.move(self.tx, gone, into)

    def _count_anew(self, one: Incident) -> None:
        extent = incidents.extent(self.tx, one.id, titles.NEWEST_OCCURRENCES)
        one.first_run, one.first_ls = (None, None) if extent.first is None else (extent.first.run, extent.first.ls)
        one.last_run, one.last_ls = (None, None) if extent.last is None else (extent.last.run, extent.last.ls)
        one.lumisections, one.elements = extent.lumisections, extent.elements
        kind = titles.present_kind(extent.newest_kinds, extent.commonest_kind) or one.kind
        if one.kind not in {kind, ""}:
            self._change_cause(one, kind)
        one.kind = kind

    def _change_cause(self, one: Incident, kind: str) -> None:
        """Say in the history, and in the explanation, that the fault has become another one."""
        labels, _ = self._sizes[one.id]
        seen = self._newest.get((one.id, kind))
        where = "" if seen is None else f", last in {titles.lumisection_name(seen.key)}"
        self._note(one, "changed", f"from {titles.noun(labels, one.kind)} to {titles.noun(labels, kind)}{where}")
        if seen is not None:
            one.explanation = titles.explanation(labels, seen, self._hints_of(labels, seen.key))

    def _retitle(self, one: Incident) -> None:
        labels, size = self._sizes[one.id]
        if one.first is None:
            return
        seen = self._rates(labels, one.id) if labels.subsystem == TRIGGER else []
        if seen:
            one.title = titles.measured_rate_title(labels, one.kind, one.elements, size, one.first, seen)
        else:
            opening = incidents.opening_kind(self.tx, one.id)
            one.title = titles.histogram_title(labels, one.kind, one.elements, size, one.first, opening)

    def _rates(self, labels: IncidentKey, number: int) -> Sequence[Seen]:
        """Those of the first lumisections of an incident: what comes and goes later does not rewrite its title."""
        keys = incidents.opening(self.tx, number, titles.MEASURED_LUMISECTIONS)
        found = (bands.load(self.tx, labels.dataset, key, labels.subsystem) for key in keys)
        return [one for one in found if one is not None]

    def _open(self, labels: IncidentKey, size: int, change: Change) -> None:
        seen = change.observations
        worst = max(seen, key=lambda each: len(each.bad))
        one = Incident(
            fingerprint=fingerprint(labels),
            dataset=labels.dataset,
            subsystem=labels.subsystem,
            family=labels.family,
            element_group=labels.group,
            model_version=seen[-1].model_version,
            opened_s=self.now_s,
            updated_s=self.now_s,
            explanation=titles.explanation(labels, worst, self._hints_of(labels, worst.key)),
            severity=_severity(labels.family, seen, size),
        )
        if change.ended is not None:
            one.state, one.resolved_s, one.resolved_by = "resolved", self.now_s, SYSTEM
        one.id = incidents.insert_new(self.tx, one)
        self.incidents[one.id] = one
        self._sizes[one.id] = (labels, size)
        incidents.add_occurrences(self.tx, [self._occurrence(labels, one.id, each) for each in seen])
        self._count_anew(one)
        self._retitle(one)
        incidents.overwrite(self.tx, [one])
        self.opened.append(one)
        self._note(one, Because.OPENED, _detail(change))
        if change.ended is not None:
            self._note(one, Because.CLEARED, f"ended before it was raised, by {titles.lumisection_name(change.ended)}")

    def _occurrence(self, labels: IncidentKey, number: int, one: Observation) -> Occurrence:
        hints = self._hints_of(labels, one.key)
        return Occurrence(number, one.key, one.bad, one.p_value, titles.kind(labels, one, hints))

    def _hints_of(self, labels: IncidentKey, key: LumisectionKey) -> Mapping[str, Hint]:
        """Read once for all folders of a subsystem."""
        where = (labels.dataset, key, labels.subsystem)
        if where not in self._hints:
            self._hints[where] = evidence.hints(self.tx, *where)
        return self._hints[where]

    def _note(self, one: Incident, action: str, detail: str) -> None:
        self._entries.append(Entry(one.id, self.now_s, SYSTEM, str(action), detail))


def _severity(family: str, seen: Sequence[Observation], size: int) -> str:
    judged = {titles.severity(family, len(one.bad), size, one.p_value) for one in seen}
    return "critical" if "critical" in judged else "warning"


def _detail(change: Change) -> str:
    """The lumisections or the incident that the change is about."""
    if change.into is not None:
        return f"into incident {change.into}"
    if change.because is Because.CLEARED and change.ended is not None:
        return f"good up to {titles.lumisection_name(change.ended)}"
    keys = change.keys or tuple(one.key for one in change.observations)
    named = ", ".join(titles.lumisection_name(key) for key in keys[:10])
    return named + (f" and {len(keys) - 10} more" if len(keys) > 10 else "")
