"""Incidents are brought up to date with verdicts, in the transaction that stores the verdicts.

All decisions about one dataset are made one after the other (a lock that is held until the transaction
ends), so that daemons which work on one run side by side neither double an incident nor miss one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from conf.settings import AlertSettings
from dqm.core.state import LumisectionState
from opint.incidents.families import IncidentKey, fingerprint, incident_group
from opint.incidents.reconcile import Case
from opint.incidents.window import FAMILY_NAMES, FAMILY_OF, clusters, lumisection_before, read_window
from opint.incidents.writer import IncidentWriter, KeyChanges
from opint.store import incidents
from opint.store.incidents import Incident, Occurrence
from streams.records import LumisectionKey


@dataclass(frozen=True, slots=True)
class IncidentUpdate:
    """Incidents that one update has opened and cleared."""

    opened: Sequence[Incident] = ()
    cleared: Sequence[Incident] = ()


def update(tx: Connection, states: Sequence[LumisectionState], rules: AlertSettings, now_s: float) -> IncidentUpdate:
    """Bring the incidents up to date with closed lumisections that :func:`lumisections.save` has just stored.

    The same lumisections lead to the same incidents and occurrences in whatever order they come (see
    opint.incidents.rule), but for what a person has resolved in between.
    """
    opened: list[Incident] = []
    cleared: list[Incident] = []
    for dataset in sorted({state.dataset for state in states}):
        state_by_key = {state.key: state for state in states if state.dataset == dataset}
        incidents.lock(tx, dataset)
        if not _alarms(state_by_key.values()) and not incidents.reaching(tx, dataset, min(state_by_key)):
            continue
        for cluster in clusters(state_by_key):
            ledger = _update(tx, dataset, cluster, [state_by_key[key] for key in cluster], rules, now_s)
            opened += ledger.opened
            cleared += ledger.cleared
    return IncidentUpdate(tuple(opened), tuple(cleared))


def _alarms(states: Iterable[LumisectionState]) -> bool:
    reasons = [verdict.reasons for state in states for verdict in state.verdicts.values()]
    return bool(reasons) and bool(FAMILY_OF[np.concatenate(reasons)].any())


def _update(
    tx: Connection,
    dataset: str,
    keys: Sequence[LumisectionKey],
    states: Iterable[LumisectionState],
    rules: AlertSettings,
    now_s: float,
) -> IncidentWriter:
    """Update with a few lumisections that lie close together."""
    # Every other lumisection may be a whole-run histogram, which does not count.
    near = 2 * (rules.raise_of - 1)
    bad = _alarming_keys(states)
    reached = {_key_of(incident) for incident in incidents.reaching(tx, dataset, keys[0])}
    subsystems = sorted({incident_key.subsystem for incident_key in bad | reached})
    floors = {name: lumisection_before(tx, dataset, name, keys[0], near) for name in subsystems}
    incidents_by_key: dict[IncidentKey, list[Incident]] = defaultdict(list)
    floor_of_all = min(floors.values(), default=keys[0])
    for incident in incidents.reaching(tx, dataset, floor_of_all):
        incidents_by_key[_key_of(incident)].append(incident)
    # One that was cleared by now may not have been, had these lumisections come in time.
    for incident in incidents.latest_before(tx, [fingerprint(incident_key) for incident_key in bad], floor_of_all):
        if all(incident.id != other.id for other in incidents_by_key[_key_of(incident)]):
            incidents_by_key[_key_of(incident)].append(incident)
    ledger = IncidentWriter(
        tx, now_s, {incident.id: incident for group in incidents_by_key.values() for incident in group}
    )
    decided: list[KeyChanges] = []
    for subsystem, floor in floors.items():
        keys_of_subsystem = [
            incident_key for incident_key in sorted(bad | reached) if incident_key.subsystem == subsystem
        ]
        cases = [
            Case(
                incident_key,
                incidents_by_key[incident_key],
                _going_on(tx, incidents_by_key[incident_key], keys[0], rules),
            )
            for incident_key in keys_of_subsystem
        ]
        decided += _decided(tx, cases, keys, floor, near, rules)
    ledger.write(decided)
    return ledger


def _decided(
    tx: Connection,
    cases: Sequence[Case],
    keys: Sequence[LumisectionKey],
    floor: LumisectionKey,
    near: int,
    rules: AlertSettings,
) -> Iterator[KeyChanges]:
    """Changes of the cases of one subsystem."""
    since = min((case.last.key for case in cases if case.last is not None), default=None)
    incident_key = cases[0].incident_key
    window = read_window(tx, incident_key.dataset, incident_key.subsystem, keys, near, since)
    if not window.judged:
        return
    numbers = [incident.id for case in cases for incident in case.incidents]
    span = window.judged[0].key, window.judged[-1].key
    occurrences = incidents.occurrences(tx, numbers, *span) if numbers else {}
    for case in cases:
        size, changes = case.changes(window, floor, occurrences, rules)
        if changes:
            yield case.incident_key, size, changes


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
    return IncidentKey(incident.dataset, incident.subsystem, incident.family, incident.element_group)


def _going_on(
    tx: Connection, stored: Sequence[Incident], key: LumisectionKey, rules: AlertSettings
) -> Occurrence | None:
    """The newest occurrence before ``key`` of an incident that had been raised by then."""
    earlier = [
        incident
        for incident in stored
        if incident.first is not None and incident.first < key and _raised(tx, incident, key, rules)
    ]
    newest = [
        occurrence for incident in earlier if (occurrence := incidents.last_before(tx, incident.id, key)) is not None
    ]
    return max(newest, key=lambda occurrence: occurrence.key, default=None)


def _raised(tx: Connection, incident: Incident, key: LumisectionKey, rules: AlertSettings) -> bool:
    """Whether lumisections before ``key`` alone had raised it: by their number, or by a whole-run histogram."""
    if incident.lumisections >= rules.raise_bad and incident.last is not None and incident.last < key:
        return True
    earlier = [first for first in incidents.opening(tx, incident.id, rules.raise_bad) if first < key]
    return len(earlier) >= rules.raise_bad or any(first.ls == 0 for first in earlier)
