"""What happened between two moments, read for a shift's report, and free notes that people write during a shift."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    String,
    Table,
    Text,
    and_,
    exists,
    func,
    insert,
    or_,
    select,
)

from opint.store.tables import audit, dead_letter, incident, lumisection, metadata, serial

_incident, _audit, _head = incident.c, audit.c, lumisection.c


@dataclass(frozen=True, slots=True)
class AuditedAction:
    """An entry of the audit trail; ``actor`` is ``nightshift`` where nobody did it."""

    at_s: float
    actor: str
    action: str
    detail: str
    incident_id: int


@dataclass(frozen=True, slots=True)
class ShiftIncident:
    """An incident as it stood at the end of the shift; ``state`` is open, acknowledged or resolved."""

    id: int
    family: str
    subsystem: str
    dataset: str
    title: str
    severity: str
    state: str
    opened_s: float
    resolved_s: float | None


def actions(tx: Connection, begin_s: float, end_s: float) -> list[AuditedAction]:
    """The audit trail of all incidents from one moment to before another, in order."""
    columns = (_audit.at_s, _audit.actor, _audit.action, _audit.detail, _audit.incident_id)
    query = select(*columns).where(_audit.at_s >= begin_s, _audit.at_s < end_s).order_by(_audit.at_s, _audit.id)
    return [AuditedAction(*values) for values in tx.execute(query)]


def changed_incidents(tx: Connection, begin_s: float, end_s: float) -> list[ShiftIncident]:
    """Incidents to which something happened, gravest and oldest first, as they stood at the end."""
    changed = exists().where(_audit.incident_id == _incident.id, _audit.at_s >= begin_s, _audit.at_s < end_s)
    return _incidents(tx, changed, end_s, None)


def unresolved_incidents(tx: Connection, end_s: float, limit: int) -> tuple[list[ShiftIncident], int]:
    """Incidents that were not resolved at a moment, gravest and oldest first, at most ``limit``; how many there are."""
    unresolved = and_(_incident.opened_s < end_s, or_(_incident.resolved_s.is_(None), _incident.resolved_s >= end_s))
    total = tx.execute(select(func.count()).select_from(incident).where(unresolved)).scalar_one()
    return _incidents(tx, unresolved, end_s, limit), total


def _incidents(tx: Connection, where: ColumnElement[bool], end_s: float, limit: int | None) -> list[ShiftIncident]:
    columns = [_incident[name] for name in ShiftIncident.__slots__ if name != "state"]
    order = (_incident.severity, _incident.opened_s, _incident.id)
    query = select(*columns, _incident.acknowledged_s).where(where).order_by(*order).limit(limit)
    return [_at_the_end(dict(row), end_s) for row in tx.execute(query).mappings()]


def _at_the_end(row: dict[str, Any], end_s: float) -> ShiftIncident:
    acknowledged_s = row.pop("acknowledged_s")
    resolved_s = row.pop("resolved_s")
    resolved = resolved_s is not None and resolved_s < end_s
    acknowledged = acknowledged_s is not None and acknowledged_s < end_s
    state = "resolved" if resolved else "acknowledged" if acknowledged else "open"
    return ShiftIncident(**row, state=state, resolved_s=resolved_s if resolved else None)


def dead_letters(tx: Connection, begin_s: float, end_s: float) -> dict[str, int]:
    """How many messages could not be used, by reason."""
    row = dead_letter.c
    counted = select(row.reason, func.count()).where(row.received_s >= begin_s, row.received_s < end_s)
    return {name: count for name, count in tx.execute(counted.group_by(row.reason).order_by(row.reason))}  # noqa: C416 - mypy takes no rows for dict()


def lumisections(tx: Connection, begin_s: float, end_s: float) -> dict[tuple[str, int], set[int]]:
    """By dataset and run, the lumisections whose first part came from one moment to before another."""
    query = select(_head.dataset, _head.run, _head.ls).where(_head.updated_s >= begin_s)
    first_seen = query.where(_head.first_seen_s >= begin_s, _head.first_seen_s < end_s).order_by(
        _head.dataset, _head.run
    )
    lumisections_of: dict[tuple[str, int], set[int]] = {}
    for dataset, run, ls in tx.execute(first_seen):
        lumisections_of.setdefault((dataset, run), set()).add(ls)
    return lumisections_of


shift_note = Table(
    "shift_note",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("at_s", Float, nullable=False, index=True),
    Column("actor", String, nullable=False),
    Column("text", Text, nullable=False, comment="Markdown"),
)


@dataclass(frozen=True, slots=True)
class ShiftNote:
    """Who wrote what (Markdown), when (s since 1970)."""

    at_s: float
    actor: str
    text: str


def add_note(tx: Connection, note: ShiftNote) -> None:
    """Keep a note."""
    tx.execute(insert(shift_note), {"at_s": note.at_s, "actor": note.actor, "text": note.text})


def notes_between(tx: Connection, begin_s: float, end_s: float) -> list[ShiftNote]:
    """Notes from one moment to before another, oldest first."""
    row = shift_note.c
    query = select(row.at_s, row.actor, row.text).where(row.at_s >= begin_s, row.at_s < end_s)
    return [ShiftNote(*values) for values in tx.execute(query.order_by(row.at_s, row.id))]
