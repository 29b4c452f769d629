"""Incidents of nightshift's own running: they stand for a state of affairs, not for lumisections."""

from dataclasses import dataclass

from sqlalchemy import Connection

from opint.alerts.labels import Labels, fingerprint
from opint.alerts.ledger import SYSTEM
from opint.store import incidents
from opint.store.incidents import Entry, Incident


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong: its labels, one line, what to do about it, and how bad it is."""

    labels: Labels
    title: str
    advice: str
    severity: str


def begin(tx: Connection, trouble: Trouble, now_s: float) -> Incident | None:
    """Open an incident for a trouble; None if one is active, which stays as it is."""
    labels = trouble.labels
    incidents.lock(tx, labels.dataset)
    if incidents.active(tx, fingerprint(labels)) is not None:
        return None
    one = Incident(
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
    one.id = incidents.insert_new(tx, one)
    incidents.write_history(tx, [Entry(one.id, now_s, SYSTEM, "opened", trouble.title)])
    return one


def end(tx: Connection, labels: Labels, why: str, now_s: float) -> Incident | None:
    """Resolve the incident of these labels; None if none is active."""
    incidents.lock(tx, labels.dataset)
    one = incidents.active(tx, fingerprint(labels))
    if one is None:
        return None
    one.state, one.updated_s, one.resolved_s, one.resolved_by = "resolved", now_s, now_s, SYSTEM
    incidents.overwrite(tx, [one])
    incidents.write_history(tx, [Entry(one.id, now_s, SYSTEM, "cleared", why)])
    return one
