"""Incidents of nightshift's own operation: they stand for a state of affairs, not for lumisections.

Lost messages are one of them: what the broker no longer holds never passes silently.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from opint.incidents.families import FAMILIES, SYSTEM, IncidentKey, fingerprint
from opint.store import incidents
from opint.store.incidents import DATA_LOST, Entry, Incident
from streams.source import Loss


@dataclass(frozen=True, slots=True)
class OperationalFault:
    """What is wrong: its labels, one line, what to do about it, and how bad it is."""

    labels: IncidentKey
    title: str
    advice: str
    severity: str


def open_fault(tx: Connection, trouble: OperationalFault, now_s: float) -> Incident | None:
    """Open an incident for a trouble; None if one is active, which stays as it is."""
    labels = trouble.labels
    incidents.lock(tx, labels.dataset)
    if incidents.active(tx, fingerprint(labels)) is not None:
        return None
    incident = Incident(
        fingerprint=fingerprint(labels),
        dataset=labels.dataset,
        subsystem=labels.subsystem,
        family=labels.family,
        element_group=labels.group,
        model_version="",
        opened_s=now_s,
        updated_s=now_s,
        kind=labels.family,
        title=trouble.title,
        explanation=trouble.advice,
        severity=trouble.severity,
    )
    incident.id = incidents.insert_new(tx, incident)
    incidents.write_history(tx, [Entry(incident.id, now_s, SYSTEM, "opened", trouble.title)])
    return incident


def clear_fault(tx: Connection, labels: IncidentKey, why: str, now_s: float) -> Incident | None:
    """Resolve the incident of these labels; None if none is active."""
    incidents.lock(tx, labels.dataset)
    incident = incidents.active(tx, fingerprint(labels))
    if incident is None:
        return None
    incident.state, incident.updated_s, incident.resolved_s, incident.resolved_by = "resolved", now_s, now_s, SYSTEM
    incidents.overwrite(tx, [incident])
    incidents.write_history(tx, [Entry(incident.id, now_s, SYSTEM, "cleared", why)])
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
    group = f"{partition.cluster}/{partition.topic}[{partition.partition}]"
    labels = IncidentKey("", "", DATA_LOST, group)
    what = f"{partition.topic}[{partition.partition}]: {_range(loss)}" + (f" ({loss.reason})" if loss.reason else "")
    advice = _UNREADABLE_ADVICE if loss.reason and loss.resumed > loss.expected else FAMILIES[DATA_LOST].advice
    incidents.lock(tx, labels.dataset)
    incident = incidents.active(tx, fingerprint(labels))
    if incident is not None:
        incident.title, incident.updated_s = f"{what}, and others before", now_s
        incidents.overwrite(tx, [incident])
        incidents.write_history(tx, [Entry(incident.id, now_s, SYSTEM, "worsened", what)])
        return incident.id
    opened = open_fault(tx, OperationalFault(labels, what, advice, "critical"), now_s)
    assert opened is not None  # noqa: S101 - none is active, and the lock is held
    return opened.id


def _range(loss: Loss) -> str:
    """Where offsets begin anew (a topic made again), the number of lost messages is not known."""
    if loss.resumed <= loss.expected:
        return f"messages lost, offset {loss.expected} was expected and {loss.resumed} came"
    number = loss.resumed - loss.expected
    return f"{number} message{'s' * (number != 1)} lost, offsets {loss.expected} to {loss.resumed - 1}"
