"""Writing decided changes: incidents, occurrences and their history."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from opint.incidents import acknowledgement, titles
from opint.incidents.families import SYSTEM, TRIGGER, IncidentKey, fingerprint
from opint.incidents.reconcile import Because, Change
from opint.incidents.rule import Observation
from opint.store import acceptances, evidence, feedback, incidents, occurrences, trigger_rates
from opint.store.evidence import Hint
from opint.store.incidents import HistoryEntry, Incident
from opint.store.occurrences import Extent, Occurrence
from opint.store.trigger_rates import LumisectionRates
from streams.records import LumisectionKey

KeyChanges = tuple[IncidentKey, int, Sequence[Change]]
"""The key, the number of MEs in the folder, and what changes."""

_ENDS = frozenset({Because.MERGED, Because.WITHDRAWN, Because.CLEARED})


@dataclass
class IncidentWriter:
    """Applies the changes of one transaction; ``incidents`` are the stored ones, by number, and are changed."""

    tx: Connection
    now_s: float
    incidents: dict[int, Incident]
    opened: list[Incident] = field(default_factory=list)
    cleared: list[Incident] = field(default_factory=list)
    _entries: list[HistoryEntry] = field(default_factory=list)
    _touched: set[int] = field(default_factory=set)
    _recount: set[int] = field(default_factory=set)
    _added: list[Occurrence] = field(default_factory=list)
    _sizes: dict[int, tuple[IncidentKey, int]] = field(default_factory=dict)
    _newest: dict[tuple[int, str], Observation] = field(default_factory=dict)
    _hints: dict[tuple[str, LumisectionKey, str], Mapping[str, Hint]] = field(default_factory=dict)
    _measured: dict[tuple[str, LumisectionKey, str], LumisectionRates | None] = field(default_factory=dict)

    def write(self, decided: Sequence[KeyChanges]) -> None:
        """Make all changes.

        Ends are written before beginnings, because at most one incident of a fingerprint is active.
        """
        for incident_key, size, changes in decided:
            for change in changes:
                if change.incident is not None:
                    self._sizes[change.incident] = (incident_key, size)
                    self._change(incident_key, size, self.incidents[change.incident], change)
            self._pass_feedback_on(changes)
        occurrences.add(self.tx, self._added)
        self._update_texts([self.incidents[number] for number in self._touched], self._recount)
        changed = [self.incidents[number] for number in self._touched]
        self._end_acknowledgements(changed)
        incidents.overwrite(self.tx, sorted(changed, key=lambda incident: incident.state != "resolved"))
        self._open(
            [
                (incident_key, size, change)
                for incident_key, size, changes in decided
                for change in changes
                if change.incident is None
            ]
        )
        incidents.write_history(self.tx, self._entries)

    def _end_acknowledgements(self, changed: Sequence[Incident]) -> None:
        """An incident that has become another one than was acknowledged calls again."""
        for incident in changed:
            occurring = [occurrence.elements for occurrence in self._added if occurrence.incident == incident.id]
            whys = [
                why for elements in occurring or [()] if (why := acknowledgement.material_change(incident, elements))
            ]
            if whys:
                self._entries.append(acknowledgement.end(incident, whys[-1], self.now_s))

    def _update_texts(self, touched: Sequence[Incident], recount: Collection[int]) -> None:
        """Count occurrences anew where that is needed, and bring causes and titles up to date."""
        extents = occurrences.extents(self.tx, recount, titles.NEWEST_OCCURRENCES)
        for incident in touched:
            if incident.id in extents:
                self._count_anew(incident, extents[incident.id])
        titled = [incident for incident in touched if incident.first is not None]
        of_rates = {incident.id for incident in titled if self._sizes[incident.id][0].subsystem == TRIGGER}
        openings = occurrences.opening(self.tx, of_rates, titles.MEASURED_LUMISECTIONS)
        rates = {number: self._rates(self._sizes[number][0], keys) for number, keys in openings.items()}
        unmeasured = {incident.id for incident in titled if not rates.get(incident.id)}
        opening_kinds = occurrences.opening_kinds(self.tx, unmeasured)
        for incident in titled:
            self._retitle(incident, rates.get(incident.id, ()), opening_kinds.get(incident.id, ""))

    def _change(self, incident_key: IncidentKey, size: int, incident: Incident, change: Change) -> None:
        self._touched.add(incident.id)
        incident.updated_s = self.now_s
        if change.keys:
            occurrences.remove(self.tx, incident.id, change.keys)
            self._recount.add(incident.id)
        if change.observations:
            self._see(incident_key, size, incident, change.observations)
        if change.into is not None:
            self._merge(incident, self.incidents[change.into])
        if change.because in _ENDS and incident.state != "resolved":
            incident.state, incident.resolved_s, incident.resolved_by = "resolved", self.now_s, SYSTEM
        if change.because is Because.CLEARED:
            self.cleared.append(incident)
        if change.because is Because.REOPENED:
            incident.reopen()
        if change.because is not Because.CONTINUED or incident.state == "resolved":
            self._note(incident, change.because, _detail(change))

    def _see(
        self, incident_key: IncidentKey, size: int, incident: Incident, observations: Sequence[Observation]
    ) -> None:
        observed = [self._occurrence(incident_key, incident.id, observation) for observation in observations]
        self._added += observed
        self._newest |= {
            (incident.id, stored.kind): observation for stored, observation in zip(observed, observations, strict=True)
        }
        first, last = incident.first, incident.last
        if first is not None and last is not None and all(observation.key > last for observation in observations):
            incident.lumisections += len(observations)
            incident.last_run, incident.last_ls = observations[-1].key.run, observations[-1].key.ls
        else:
            self._recount.add(incident.id)
        if any(occurrence.kind != incident.kind for occurrence in observed):
            self._recount.add(incident.id)
        worst = max(observations, key=lambda observation: len(observation.bad))
        if len(worst.bad) > incident.elements:
            incident.elements = len(worst.bad)
            incident.explanation = titles.explanation(incident_key, worst, self._hints_of(incident_key, worst.key))
        incident.model_version = observations[-1].model_version
        if incident.severity == "warning" and _severity(incident_key.family, observations, size) == "critical":
            incident.severity = "critical"
            self._note(incident, "worsened", f"critical since {titles.lumisection_name(worst.key)}")

    def _merge(self, incident: Incident, into: Incident) -> None:
        occurrences.move(self.tx, incident.id, into.id)
        feedback.move(self.tx, incident.id, into.id)
        acceptances.move(self.tx, incident.id, into.id)
        into.state, into.resolved_s, into.resolved_by = incident.state, incident.resolved_s, incident.resolved_by
        into.acknowledged_s = into.acknowledged_s or incident.acknowledged_s
        into.acknowledged_by = into.acknowledged_by or incident.acknowledged_by
        into.acknowledged_basis = into.acknowledged_basis or incident.acknowledged_basis
        into.updated_s = self.now_s
        self._touched.add(into.id)
        self._recount |= {incident.id, into.id}
        self._sizes[into.id] = self._sizes[incident.id]
        self._note(into, Because.MERGED, f"took in incident {incident.id}")

    def _pass_feedback_on(self, changes: Sequence[Change]) -> None:
        """A withdrawn incident's verdict and acceptance go to the one that its lumisections belong to now."""
        for gone in [change.incident for change in changes if change.because is Because.WITHDRAWN]:
            keys = {key for change in changes if change.incident == gone for key in change.keys}
            takers = [
                change.incident
                for change in changes
                if any(observation.key in keys for observation in change.observations)
            ]
            into = next((number for number in takers if number is not None), None)
            if gone is not None and into is not None:
                feedback.move(self.tx, gone, into)
                acceptances.move(self.tx, gone, into)

    def _count_anew(self, incident: Incident, extent: Extent) -> None:
        incident.first_run, incident.first_ls = (
            (None, None) if extent.first is None else (extent.first.run, extent.first.ls)
        )
        incident.last_run, incident.last_ls = (None, None) if extent.last is None else (extent.last.run, extent.last.ls)
        incident.lumisections, incident.elements = extent.lumisections, extent.elements
        kind = titles.present_kind(extent.newest_kinds, extent.commonest_kind) or incident.kind
        if incident.kind not in {kind, ""}:
            self._change_cause(incident, kind)
        incident.kind = kind

    def _change_cause(self, incident: Incident, kind: str) -> None:
        """Say in the history, and in the explanation, that the fault has become another one."""
        incident_key, _ = self._sizes[incident.id]
        newest = self._newest.get((incident.id, kind))
        where = "" if newest is None else f", last in {titles.lumisection_name(newest.key)}"
        self._note(
            incident,
            "changed",
            f"from {titles.noun(incident_key, incident.kind)} to {titles.noun(incident_key, kind)}{where}",
        )
        if newest is not None:
            incident.explanation = titles.explanation(incident_key, newest, self._hints_of(incident_key, newest.key))

    def _retitle(self, incident: Incident, rates: Sequence[LumisectionRates], opening_kind: str) -> None:
        incident_key, size = self._sizes[incident.id]
        assert incident.first is not None  # noqa: S101 - others have no title to bring up to date
        if incident_key.recurring_run is not None:
            incident.title = titles.recurring_title(
                incident_key, incident.kind, incident.lumisections, incident.first, opening_kind
            )
        elif rates:
            incident.title = titles.measured_rate_title(
                incident_key, incident.kind, incident.elements, size, incident.first, rates
            )
        else:
            incident.title = titles.histogram_title(
                incident_key, incident.kind, incident.elements, size, incident.first, opening_kind
            )

    def _rates(self, incident_key: IncidentKey, keys: Sequence[LumisectionKey]) -> Sequence[LumisectionRates]:
        """Those of the first lumisections of an incident: what comes and goes later does not rewrite its title."""
        measured = []
        for key in keys:
            where = (incident_key.dataset, key, incident_key.subsystem)
            if where not in self._measured:
                self._measured[where] = trigger_rates.load_lumisection(self.tx, *where)
            if (rates := self._measured[where]) is not None:
                measured.append(rates)
        return measured

    def _open(self, openings: Sequence[tuple[IncidentKey, int, Change]]) -> None:
        """Store new incidents with their occurrences."""
        opened = [self._new(incident_key, size, change) for incident_key, size, change in openings]
        incidents.insert_new(self.tx, opened)
        added: list[Occurrence] = []
        for incident, (incident_key, size, change) in zip(opened, openings, strict=True):
            self.incidents[incident.id] = incident
            self._sizes[incident.id] = (incident_key, size)
            added += [self._occurrence(incident_key, incident.id, observation) for observation in change.observations]
        occurrences.add(self.tx, added)
        self._update_texts(opened, {incident.id for incident in opened})
        incidents.overwrite(self.tx, opened)
        self.opened += opened
        for incident, (_, _, change) in zip(opened, openings, strict=True):
            self._note(incident, Because.OPENED, _detail(change))
            if change.ended is not None:
                ended = f"ended before it was raised, by {titles.lumisection_name(change.ended)}"
                self._note(incident, Because.CLEARED, ended)

    def _new(self, incident_key: IncidentKey, size: int, change: Change) -> Incident:
        observations = change.observations
        worst = max(observations, key=lambda observation: len(observation.bad))
        incident = Incident(
            fingerprint=fingerprint(incident_key),
            dataset=incident_key.dataset,
            subsystem=incident_key.subsystem,
            family=incident_key.family,
            element_group=incident_key.group,
            recurring_run=incident_key.recurring_run,
            model_version=observations[-1].model_version,
            opened_s=self.now_s,
            updated_s=self.now_s,
            explanation=titles.explanation(incident_key, worst, self._hints_of(incident_key, worst.key)),
            severity=_severity(incident_key.family, observations, size),
        )
        if change.ended is not None:
            incident.state, incident.resolved_s, incident.resolved_by = "resolved", self.now_s, SYSTEM
        return incident

    def _occurrence(self, incident_key: IncidentKey, number: int, observation: Observation) -> Occurrence:
        hints = self._hints_of(incident_key, observation.key)
        return Occurrence(
            number, observation.key, observation.bad, observation.p_value, titles.kind(incident_key, observation, hints)
        )

    def _hints_of(self, incident_key: IncidentKey, key: LumisectionKey) -> Mapping[str, Hint]:
        """Read once for all folders of a subsystem."""
        where = (incident_key.dataset, key, incident_key.subsystem)
        if where not in self._hints:
            self._hints[where] = evidence.hints(self.tx, *where)
        return self._hints[where]

    def _note(self, incident: Incident, action: str, detail: str) -> None:
        self._entries.append(HistoryEntry(incident.id, self.now_s, SYSTEM, str(action), detail))


def _severity(family: str, observations: Sequence[Observation], size: int) -> str:
    judged = {titles.severity(family, len(observation.bad), size, observation.p_value) for observation in observations}
    return "critical" if "critical" in judged else "warning"


def _detail(change: Change) -> str:
    """The lumisections or the incident that the change is about."""
    if change.into is not None:
        return f"into incident {change.into}"
    if change.because is Because.CLEARED and change.ended is not None:
        return f"good up to {titles.lumisection_name(change.ended)}"
    keys = change.keys or tuple(observation.key for observation in change.observations)
    named = ", ".join(titles.lumisection_name(key) for key in keys[:10])
    return named + (f" and {len(keys) - 10} more" if len(keys) > 10 else "")
