"""What has happened to incidents and concerns people: a row in the transaction that opens or changes an incident.

Rows wait here until a dispatcher has decided to whom each goes (:mod:`opint.store.notices`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
    text,
)
from sqlalchemy import update as sql_update

from opint.store.tables import metadata, serial

outbox = Table(
    "outbox",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("incident_id", serial, ForeignKey("incident.id"), nullable=False, index=True),
    Column("at_s", Float, nullable=False),
    Column("change", String, nullable=False, comment="opened, worsened, cleared …: the action in the audit trail"),
    Column("detail", Text, nullable=False),
    Column("routed_s", Float, nullable=True, comment="when it was decided to whom it goes; null: not yet"),
    Index(
        "ix_outbox_waiting",
        "id",
        postgresql_where=text("routed_s IS NULL"),
        sqlite_where=text("routed_s IS NULL"),
    ),
)

_row = outbox.c

CALLS = frozenset({"opened", "reopened", "worsened", "changed", "called again"})
"""Changes for which somebody is called."""

ENDS = frozenset({"cleared", "resolved", "withdrawn", "merged", "accepted"})
"""Changes by which an incident ends or may end: accepting a whole run as reference resolves its incident."""


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One change of one incident, at ``at_s`` (s since 1970)."""

    id: int
    incident: int
    at_s: float
    change: str
    detail: str
    routed_s: float | None


def add(tx: Connection, changes: Sequence[tuple[int, float, str, str]]) -> None:
    """Store changes (incident, time, action, detail); those of which nobody has to hear are left out."""
    rows = [
        {"incident_id": number, "at_s": at_s, "change": change, "detail": detail}
        for number, at_s, change, detail in changes
        if change in CALLS | ENDS
    ]
    if rows:
        tx.execute(insert(outbox), rows)


def lock(tx: Connection) -> None:
    """Until the transaction ends nobody else plans; SQLite's writers come one at a time by themselves."""
    if tx.dialect.name == "postgresql":
        tx.execute(_LOCK)


def waiting(tx: Connection, most: int) -> list[OutboxEntry]:
    """The oldest changes for which nothing has been decided."""
    query = select(*_COLUMNS).where(text("routed_s IS NULL"))
    return [OutboxEntry(*values) for values in tx.execute(query.order_by(_row.id).limit(most))]


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many changes no dispatcher has looked at, and when the oldest happened (s since 1970); None without any."""

    changes: int
    since_s: float | None


def backlog(tx: Connection) -> Backlog:
    """What waits for a dispatcher."""
    query = select(func.count(), func.min(_row.at_s)).where(text("routed_s IS NULL"))
    return Backlog(*tx.execute(query).one())


def mark_routed(tx: Connection, numbers: Collection[int], now_s: float) -> None:
    """Note that it was decided to whom they go."""
    if numbers:
        tx.execute(_ROUTED, [{"number": number, "now_s": now_s} for number in sorted(numbers)])


def of_incident(tx: Connection, number: int) -> list[OutboxEntry]:
    """All changes of one incident that concern people, oldest first."""
    query = select(*_COLUMNS)
    return [OutboxEntry(*values) for values in tx.execute(query.where(_row.incident_id == number).order_by(_row.id))]


_COLUMNS = (_row.id, _row.incident_id, _row.at_s, _row.change, _row.detail, _row.routed_s)
_ROUTED = sql_update(outbox).where(_row.id == bindparam("number")).values(routed_s=bindparam("now_s"))
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('notifications', 0))")
