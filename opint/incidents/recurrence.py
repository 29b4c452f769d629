"""Short faults that come back in a run: one incident for each folder, family and run, with the faults as occurrences.

What is stored is a function of the short faults of the run and of the verdicts after the last of them, so that the
order of arrival does not matter. An ordinary incident that opens over some of them takes those away.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from conf.settings import AlertSettings
from opint.incidents.families import SYSTEM, IncidentKey, fingerprint
from opint.incidents.reconcile import Because, Change
from opint.incidents.rule import Observation
from opint.incidents.window import observations_after
from opint.incidents.writer import IncidentWriter, KeyChanges
from opint.store import occurrences, short_faults
from opint.store.incidents import Incident
from opint.store.short_faults import StoredFault
from streams.records import LumisectionKey


@dataclass(frozen=True, slots=True)
class RecurringIncident:
    """A stored incident of one key and run; ``occurrences`` maps its lumisections to the MEs."""

    id: int
    resolved: bool
    by_person: bool
    occurrences: Mapping[LumisectionKey, tuple[str, ...]]

    def owns(self, key: LumisectionKey) -> bool:
        """Whether a person has closed it over this lumisection for good."""
        return self.by_person and min(self.occurrences) <= key <= max(self.occurrences)


def decide(
    faults: Sequence[Observation],
    after: Iterable[Observation],
    stored: Sequence[RecurringIncident],
    rules: AlertSettings,
) -> list[Change]:
    """Changes that make the ``stored`` incidents those of the ``faults`` of one key in one run.

    ``faults`` are its short faults in order, ``after`` what follows the last of them. It is an incident while there are
    ``recurring_records`` of them, and cleared by ``clear_good`` lumisections that speak for its end, with no bad one in
    between. What a person has resolved keeps its range; only faults outside it are counted anew.
    """
    changes: list[Change] = []
    free = [fault for fault in faults if not any(incident.owns(fault.key) for incident in stored)]
    for incident in stored:
        if incident.by_person:
            changes += _membership(incident, [fault for fault in faults if incident.owns(fault.key)])
    current = next((incident for incident in stored if not incident.by_person), None)
    if len(free) < rules.recurring_records:
        if current is not None:
            changes += [*_membership(current, []), Change(Because.WITHDRAWN, current.id)]
        return changes
    ended = _ended(free[-1].bad, after, rules.clear_good)
    if current is None:
        return [*changes, Change(Because.OPENED, None, tuple(free), ended=ended)]
    changes += _membership(current, free)
    if ended is not None and not current.resolved:
        changes.append(Change(Because.CLEARED, current.id, ended=ended))
    if ended is None and current.resolved:
        changes.append(Change(Because.REOPENED, current.id))
    return changes


def _membership(incident: RecurringIncident, faults: Sequence[Observation]) -> list[Change]:
    gone = tuple(sorted(incident.occurrences.keys() - {fault.key for fault in faults}))
    new = tuple(fault for fault in faults if incident.occurrences.get(fault.key) != fault.bad)
    return ([Change(Because.REVISED, incident.id, keys=gone)] if gone else []) + (
        [Change(Because.SEEN, incident.id, new)] if new else []
    )


def _ended(elements: tuple[str, ...], after: Iterable[Observation], clear_good: int) -> LumisectionKey | None:
    good = 0
    for observation in after:
        good = 0 if observation.bad else good + observation.heals(elements)
        if good >= clear_good:
            return observation.key
    return None


def update(
    tx: Connection,
    dataset: str,
    concerned: Collection[IncidentKey],
    stored: Sequence[Incident],
    rules: AlertSettings,
    now_s: float,
) -> IncidentWriter:
    """Bring the ``stored`` incidents of the ``concerned`` keys (with their runs) up to date; what was written."""
    ordinary = {incident_key: fingerprint(replace(incident_key, recurring_run=None)) for incident_key in concerned}
    runs = {incident_key.recurring_run or 0 for incident_key in concerned}
    faults = short_faults.of_folders(tx, ordinary.values(), runs)
    by_key: dict[IncidentKey, list[Incident]] = defaultdict(list)
    for incident in stored:
        incident_key = IncidentKey(
            dataset, incident.subsystem, incident.family, incident.element_group, incident.recurring_run
        )
        by_key[incident_key].append(incident)
    decided = []
    for incident_key in sorted(concerned):
        own = faults.get((ordinary[incident_key], incident_key.recurring_run or 0), [])
        if len(own) >= rules.recurring_records or incident_key in by_key:
            decided.append(_of_key(tx, incident_key, own, by_key.get(incident_key, ()), rules))
    writer = IncidentWriter(tx, now_s, {incident.id: incident for incident in stored})
    writer.write([change for change in decided if change[2]])
    return writer


def _of_key(
    tx: Connection,
    incident_key: IncidentKey,
    faults: Sequence[StoredFault],
    stored: Sequence[Incident],
    rules: AlertSettings,
) -> KeyChanges:
    run = incident_key.recurring_run or 0
    span = LumisectionKey(run, 0), LumisectionKey(run + 1, 0)
    seen = occurrences.between(tx, [incident.id for incident in stored], *span)
    present = [
        RecurringIncident(
            incident.id,
            incident.state == "resolved",
            incident.state == "resolved" and incident.resolved_by != SYSTEM,
            {occurrence.key: occurrence.elements for occurrence in seen[incident.id]},
        )
        for incident in stored
        if incident.id in seen
    ]
    observations = [
        Observation(
            fault.key, fault.elements, size=fault.size, p_value=fault.p_value, model_version=fault.model_version
        )
        for fault in faults
    ]
    after = observations_after(tx, incident_key, faults[-1].key) if faults else ()
    size = max((fault.size for fault in faults), default=0)
    return incident_key, size, decide(observations, after, present, rules)
