"""Incidents are brought up to date with verdicts, in the transaction that stores the verdicts.

All decisions about one dataset are made one after the other (a lock that is held until the transaction
ends), so that daemons which work on one run side by side neither double an incident nor miss one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import Connection

from conf.settings import AlertSettings
from dqm.core.state import LumisectionState
from opint.incidents import recurrence
from opint.incidents.families import IncidentKey, fingerprint, incident_group
from opint.incidents.reconcile import Because, Case
from opint.incidents.recurrence import certain_faults
from opint.incidents.window import FAMILY_NAMES, FAMILY_OF, Window, clusters, lumisection_before, read_window
from opint.incidents.writer import IncidentWriter, KeyChanges
from opint.store import incidents, occurrences, short_faults
from opint.store.incidents import Incident
from opint.store.occurrences import Occurrence
from opint.store.short_faults import StoredFault
from streams.records import LumisectionKey


@dataclass(frozen=True, slots=True)
class IncidentUpdate:
    """Incidents that one update has opened and cleared."""

    opened: Sequence[Incident] = ()
    cleared: Sequence[Incident] = ()


def update(tx: Connection, states: Sequence[LumisectionState], rules: AlertSettings, now_s: float) -> IncidentUpdate:
    """Bring the incidents up to date with closed lumisections that :func:`lumisections.save` has just stored.

    The same lumisections lead to the same incidents and occurrences in whatever order they come (see
    opint.incidents.rule), but for what a person has resolved in between. Short faults, which belong to none, are
    stored, and those that come back become an incident of their own (opint.incidents.recurrence).
    """
    opened: list[Incident] = []
    cleared: list[Incident] = []
    for dataset in sorted({state.dataset for state in states}):
        state_by_key = {state.key: state for state in states if state.dataset == dataset}
        incidents.lock(tx, dataset)
        revised = [state.key for state in state_by_key.values() if state.revision > 1]
        faults = [fault for state in state_by_key.values() for fault in certain_faults(state)]
        lost = short_faults.replace(tx, dataset, revised, faults)
        changed: list[KeyChanges] = []
        if _alarms(state_by_key.values()) or incidents.reaching(tx, dataset, min(state_by_key)):
            for cluster in clusters(state_by_key):
                facts = _read(tx, dataset, cluster, [state_by_key[key] for key in cluster], rules)
                writer = IncidentWriter(tx, now_s, facts.incidents)
                decided = [change for subsystem in facts.subsystems for change in subsystem.decided(rules)]
                writer.write(decided)
                changed += decided
                opened += writer.opened
                cleared += writer.cleared
        recurring = incidents.recurring(tx, dataset, min(state_by_key))
        if concerned := _may_recur(tx, state_by_key, faults, lost, changed, recurring):
            returning = recurrence.update(tx, dataset, concerned, recurring, rules, now_s)
            opened += returning.opened
            cleared += returning.cleared
    return IncidentUpdate(tuple(opened), tuple(cleared))


def _may_recur(
    tx: Connection,
    states: Mapping[LumisectionKey, LumisectionState],
    faults: Sequence[StoredFault],
    lost: Sequence[StoredFault],
    changed: Sequence[KeyChanges],
    recurring: Sequence[Incident],
) -> set[IncidentKey]:
    """Keys, with their runs, whose short faults or whose incident of these may be others than before.

    A fault that merely goes on is left out: it adds lumisections to its incident, and no short fault comes or goes.
    """
    of_faults = [*lost, *(short_faults.at(tx, faults[0].dataset, states) if faults else ())]
    concerned = {
        IncidentKey(fault.dataset, fault.subsystem, fault.family, fault.element_group, fault.key.run)
        for fault in of_faults
    }
    new = {key for key, state in states.items() if state.revision == 1}
    for incident_key, _, changes in changed:
        moved = {
            key
            for change in changes
            for key in (*change.keys, *(observation.key for observation in change.observations))
            if change.because is not Because.CONTINUED or key not in new
        }
        concerned |= {replace(incident_key, recurring_run=run) for run in {key.run for key in moved}}
    subsystems = {name for state in states.values() for name in state.verdicts}
    alarming = _alarming_keys(states.values()) if recurring else set()
    for incident in recurring:
        incident_key = _key_of(incident)
        goes_on = incident.state != "resolved" and incident.subsystem in subsystems
        if goes_on or replace(incident_key, recurring_run=None) in alarming:
            concerned.add(incident_key)
    return concerned


def _alarms(states: Iterable[LumisectionState]) -> bool:
    reasons = [verdict.reasons for state in states for verdict in state.verdicts.values()]
    return bool(reasons) and bool(FAMILY_OF[np.concatenate(reasons)].any())


@dataclass(frozen=True, slots=True)
class _SubsystemFacts:
    """All that is known when the changes of one subsystem are decided.

    ``floor`` is the lumisection to begin at where nothing was going on; ``occurrences`` are those of the window, by
    incident.
    """

    cases: Sequence[Case]
    window: Window
    floor: LumisectionKey
    occurrences: Mapping[int, Sequence[Occurrence]]

    def decided(self, rules: AlertSettings) -> Iterator[KeyChanges]:
        """What changes, by case; nothing is read for it."""
        for case in self.cases:
            size, changes = case.changes(self.window, self.floor, self.occurrences, rules)
            if changes:
                yield case.incident_key, size, changes


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was read about a few lumisections that lie close together: incidents by number, and by subsystem."""

    incidents: dict[int, Incident]
    subsystems: Sequence[_SubsystemFacts]


def _read(
    tx: Connection,
    dataset: str,
    keys: Sequence[LumisectionKey],
    states: Iterable[LumisectionState],
    rules: AlertSettings,
) -> _Facts:
    # Every other lumisection may be a whole-run histogram, which does not count.
    near = 2 * (rules.raise_of - 1)
    bad = _alarming_keys(states)
    concerned = bad | {_key_of(incident) for incident in incidents.reaching(tx, dataset, keys[0])}
    subsystems = sorted({incident_key.subsystem for incident_key in concerned})
    floors = {name: lumisection_before(tx, dataset, name, keys[0], near) for name in subsystems}
    floor_of_all = min(floors.values(), default=keys[0])
    nearby = {incident.id: incident for incident in incidents.reaching(tx, dataset, floor_of_all)}
    # One that was cleared by now may not have been, had these lumisections come in time.
    for incident in incidents.latest_before(tx, [fingerprint(incident_key) for incident_key in bad], floor_of_all):
        nearby.setdefault(incident.id, incident)
    incidents_by_key: dict[IncidentKey, list[Incident]] = defaultdict(list)
    for incident in nearby.values():
        incidents_by_key[_key_of(incident)].append(incident)
    concerned_incidents = [incident for key in concerned for incident in incidents_by_key[key]]
    going_on = _going_on(tx, concerned_incidents, keys[0], rules)
    facts = []
    for subsystem, floor in floors.items():
        cases = [
            Case(incident_key, stored, _newest(going_on[incident.id] for incident in stored if incident.id in going_on))
            for incident_key in sorted(concerned)
            if incident_key.subsystem == subsystem
            for stored in [incidents_by_key[incident_key]]
        ]
        since = min((case.last.key for case in cases if case.last is not None), default=None)
        window = read_window(tx, dataset, subsystem, keys, near, since)
        if not window.judged:
            continue
        numbers = [incident.id for case in cases for incident in case.incidents]
        span = window.judged[0].key, window.judged[-1].key
        stored = occurrences.between(tx, numbers, *span) if numbers else {}
        facts.append(_SubsystemFacts(cases, window, floor, stored))
    return _Facts(nearby, facts)


def _alarming_keys(states: Iterable[LumisectionState]) -> set[IncidentKey]:
    """Keys for which at least one lumisection is bad."""
    keys = set()
    for state in states:
        for subsystem, verdict in state.verdicts.items():
            families, names = FAMILY_OF[verdict.reasons], state.parts[subsystem].catalogue.names
            for row in np.flatnonzero(families):
                family = FAMILY_NAMES[int(families[row])]
                keys.add(IncidentKey(state.dataset, subsystem, family, incident_group(family, names[row], subsystem)))
    return keys


def _key_of(incident: Incident) -> IncidentKey:
    return IncidentKey(
        incident.dataset, incident.subsystem, incident.family, incident.element_group, incident.recurring_run
    )


def _going_on(
    tx: Connection, stored: Sequence[Incident], key: LumisectionKey, rules: AlertSettings
) -> Mapping[int, Occurrence]:
    """The newest occurrence before ``key`` of each of these incidents that had been raised by then."""
    earlier = [incident for incident in stored if incident.first is not None and incident.first < key]
    by_number = {
        incident.id
        for incident in earlier
        if incident.lumisections >= rules.raise_bad and incident.last is not None and incident.last < key
    }
    undecided = {incident.id for incident in earlier} - by_number
    raised = {
        number
        for number, openings in occurrences.opening(tx, undecided, rules.raise_bad).items()
        if _is_raising([opening for opening in openings if opening < key], rules)
    }
    return occurrences.last_before(tx, by_number | raised, key)


def _is_raising(openings: Sequence[LumisectionKey], rules: AlertSettings) -> bool:
    """Whether these lumisections alone had raised an incident: by their number, or by a whole-run histogram."""
    return len(openings) >= rules.raise_bad or any(opening.ls == 0 for opening in openings)


def _newest(occurrences: Iterable[Occurrence]) -> Occurrence | None:
    return max(occurrences, key=lambda occurrence: occurrence.key, default=None)
