"""Short faults: what one lumisection shows for certain where no incident stands for it, and those that come back.

There is one incident for each folder, family and run, with the faults as occurrences. What is stored is a function of
the short faults of the run and of the verdicts after the last of them, so that the order of arrival does not matter. An
ordinary incident that opens over some of them takes those away.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import Connection

from conf.settings import AlertSettings
from dqm.core.quality import SPEAK_FOR_THEMSELVES, Reason
from dqm.core.state import LumisectionState, SubsystemScores, SubsystemVerdict
from opint.incidents.families import FAMILIES, KIND_NOUNS, SYSTEM, IncidentKey, fingerprint, incident_group
from opint.incidents.reconcile import Because, Change
from opint.incidents.rule import Observation
from opint.incidents.window import FAMILY_NAMES, FAMILY_OF, MOST_NAMED, Folders, observations_after
from opint.incidents.writer import IncidentWriter, KeyChanges
from opint.store import occurrences, short_faults
from opint.store.incidents import Incident
from opint.store.occurrences import NAMELESS_KINDS
from opint.store.short_faults import ShortFault, StoredFault
from streams.records import LumisectionKey

_NEEDS_NO_P_VALUE = np.zeros(256, dtype=np.bool_)
_NEEDS_NO_P_VALUE[sorted(SPEAK_FOR_THEMSELVES)] = True
_HAS_THRESHOLD = np.zeros(256, dtype=np.bool_)
_HAS_THRESHOLD[[Reason.DEVIATES, Reason.PATH_MOVED, Reason.SEVERAL_MOVED]] = True


def certain_faults(state: LumisectionState) -> list[StoredFault]:
    """The certain faults of a closed lumisection; none of a whole run (LS 0), which raises an incident at once.

    Certain is what is bad for a reason that needs no p-value, and content and rates at the threshold for one
    lumisection (:attr:`dqm.core.state.SubsystemVerdict.certain`). Rates that are judged with their seeds have no such
    threshold.
    """
    if state.key.ls == 0:
        return []
    return [
        fault
        for subsystem, verdict in state.verdicts.items()
        for fault in _of_subsystem(state, subsystem, state.parts[subsystem], verdict)
    ]


def sentence(fault: ShortFault) -> str:
    """Where, what and how much of it, for a list of those of one lumisection or run."""
    where = fault.element_group or fault.subsystem
    if fault.subsystem not in where:
        where = f"{fault.subsystem} {where}"
    what = KIND_NOUNS.get(fault.kind, FAMILIES[fault.family].noun)
    p_value = "" if fault.p_value is None else f" (p = {fault.p_value:.2g})"
    elements = f"{len(fault.elements)} of {fault.size} monitoring element{'s' * (fault.size != 1)}"
    return f"{where}: {what} in {elements}{p_value}"


def _of_subsystem(
    state: LumisectionState, subsystem: str, part: SubsystemScores, verdict: SubsystemVerdict
) -> Iterator[StoredFault]:
    families = FAMILY_OF[verdict.reasons]
    alarming = np.flatnonzero(families)
    if not len(alarming):
        return
    elements, names = part.catalogue.elements, part.catalogue.names
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    certain: set[tuple[str, str]] = set()
    for row in alarming[np.argsort(part.p_values[alarming], kind="stable")]:
        family = FAMILY_NAMES[int(families[row])]
        place = family, incident_group(family, names[row], subsystem)
        rows[place].append(int(row))
        reason = verdict.reasons[row]
        if _NEEDS_NO_P_VALUE[reason] or (_HAS_THRESHOLD[reason] and elements[row].group in verdict.certain):
            certain.add(place)
    folders = Folders(part.catalogue) if certain else None
    for family, group in sorted(certain):
        incident_key = IncidentKey(state.dataset, subsystem, family, group)
        bad, of = rows[family, group], None if folders is None else folders.of(incident_key)
        p_values = part.p_values[bad]
        finite = p_values[np.isfinite(p_values)]
        kinds = Counter(
            evidence.kind
            for row in bad
            if (evidence := part.evidence.get(names[row])) is not None and evidence.kind not in NAMELESS_KINDS
        )
        yield StoredFault(
            dataset=state.dataset,
            key=state.key,
            fingerprint=fingerprint(incident_key),
            subsystem=subsystem,
            family=family,
            element_group=group,
            elements=tuple(names[row] for row in bad[:MOST_NAMED]),
            size=0 if of is None else len(of),
            p_value=float(finite.min()) if finite.size else None,
            kind=next((kind for kind, _ in kinds.most_common(1)), FAMILIES[family].kind),
            model_version=state.model_version,
        )


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
        [Change(Because.CONTINUED, incident.id, new)] if new else []
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
    by_incident = occurrences.between(tx, [incident.id for incident in stored], *span)
    present = [
        RecurringIncident(
            incident.id,
            incident.state == "resolved",
            incident.state == "resolved" and incident.resolved_by != SYSTEM,
            {occurrence.key: occurrence.elements for occurrence in by_incident[incident.id]},
        )
        for incident in stored
        if incident.id in by_incident
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
