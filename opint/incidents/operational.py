"""Incidents of nightshift's own operation: they stand for a state of affairs, not for lumisections.

Lost messages are one of them: what the broker no longer holds never passes silently.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from opint.incidents.families import FAMILIES, SYSTEM, IncidentKey, fingerprint
from opint.store import incidents
from opint.store.incidents import DATA_LOST, NOT_JUDGED, HistoryEntry, Incident
from opint.store.sql import storable
from streams.keys import LumisectionKey
from streams.source import Loss

MOST_TITLE = 500
"""Characters of an error that a title quotes."""


@dataclass(frozen=True, slots=True)
class OperationalFault:
    """What is wrong: the key of its incident, one line, what to do about it, and how bad it is."""

    incident_key: IncidentKey
    title: str
    advice: str
    severity: str


def open_fault(tx: Connection, fault: OperationalFault, now_s: float) -> Incident | None:
    """Open an incident for a fault; None if one is active, which stays as it is."""
    incident_key = fault.incident_key
    incidents.lock(tx, incident_key.dataset)
    if incidents.active(tx, fingerprint(incident_key)) is not None:
        return None
    incident = Incident(
        fingerprint=fingerprint(incident_key),
        dataset=incident_key.dataset,
        subsystem=incident_key.subsystem,
        family=incident_key.family,
        element_group=incident_key.group,
        model_version="",
        opened_s=now_s,
        updated_s=now_s,
        kind=incident_key.family,
        title=fault.title,
        explanation=fault.advice,
        severity=fault.severity,
    )
    incidents.insert_new(tx, [incident])
    incidents.write_history(tx, [HistoryEntry(incident.id, now_s, SYSTEM, "opened", fault.title)])
    return incident


def clear_fault(tx: Connection, incident_key: IncidentKey, why: str, now_s: float) -> Incident | None:
    """Resolve the incident of this key; None if none is active."""
    incidents.lock(tx, incident_key.dataset)
    incident = incidents.active(tx, fingerprint(incident_key))
    if incident is None:
        return None
    incident.state, incident.updated_s, incident.resolved_s, incident.resolved_by = "resolved", now_s, now_s, SYSTEM
    incidents.overwrite(tx, [incident])
    incidents.write_history(tx, [HistoryEntry(incident.id, now_s, SYSTEM, "cleared", why)])
    return incident


_UNREADABLE_ADVICE = (
    "They are on the broker and cannot be read, so the lumisections in them were never judged. Look at the producer "
    "that wrote them and at the log of the broker; publish the data again if they exist elsewhere."
)


def data_lost(tx: Connection, loss: Loss, now_s: float) -> int:
    """Raise a critical incident for lost messages, or add to the one of this partition; its number.

    It stays until a person resolves it.
    """
    partition = loss.partition
    incident_key = IncidentKey("", "", DATA_LOST, f"{partition.cluster}/{partition.topic}[{partition.partition}]")
    what = f"{partition.topic}[{partition.partition}]: {_range(loss)}" + (f" ({loss.reason})" if loss.reason else "")
    advice = _UNREADABLE_ADVICE if loss.reason and loss.resumed > loss.expected else FAMILIES[DATA_LOST].advice
    return _open_or_add(tx, OperationalFault(incident_key, what, advice, "critical"), now_s).id


def not_judged(tx: Connection, dataset: str, key: LumisectionKey, error: BaseException, now_s: float) -> Incident:
    """Raise a critical incident for a lumisection whose judging failed, or add to the one of this run.

    It stays until a person resolves it.
    """
    incident_key = IncidentKey(dataset, "", NOT_JUDGED, f"run {key.run}")
    what = storable(f"run {key.run} LS {key.ls} could not be judged: {type(error).__name__}: {error}", MOST_TITLE)
    return _open_or_add(tx, OperationalFault(incident_key, what, FAMILIES[NOT_JUDGED].advice, "critical"), now_s)


def _open_or_add(tx: Connection, fault: OperationalFault, now_s: float) -> Incident:
    """Open an incident for a fault, or let the active one tell of it as well."""
    incidents.lock(tx, fault.incident_key.dataset)
    incident = incidents.active(tx, fingerprint(fault.incident_key))
    if incident is None:
        incident = open_fault(tx, fault, now_s)
        assert incident is not None  # noqa: S101 - none is active, and the lock is held
        return incident
    incident.title, incident.updated_s = f"{fault.title}, and others before", now_s
    incidents.overwrite(tx, [incident])
    incidents.write_history(tx, [HistoryEntry(incident.id, now_s, SYSTEM, "worsened", fault.title)])
    return incident


def _range(loss: Loss) -> str:
    """Where offsets begin anew (a topic made again), the number of lost messages is not known."""
    if loss.resumed <= loss.expected:
        return f"messages lost, offset {loss.expected} was expected and {loss.resumed} came"
    number = loss.resumed - loss.expected
    return f"{number} message{'s' * (number != 1)} lost, offsets {loss.expected} to {loss.resumed - 1}"
