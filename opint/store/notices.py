"""What becomes of changes: for each change, route and receiver a notice, with what was decided about it and why.

A notice is decided when it is due. What must wait (for a group, for the end of a silence, for an escalation) is due
later; so all timers are rows, and a dispatcher that is killed forgets none.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
)
from sqlalchemy import update as sql_update

from opint.store.outbox import outbox
from opint.store.sql import columns_of
from opint.store.tables import Name, metadata, serial

Purpose = Literal["call", "repeat", "escalation", "end"]
Outcome = Literal["pending", "silenced", "follows", "quiet", "sent", "over", "acknowledged", "unrouted", "never-called"]

notice = Table(
    "notice",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("incident_id", serial, ForeignKey("incident.id"), nullable=False),
    Column("outbox_id", serial, ForeignKey("outbox.id"), nullable=True, comment="the change; null for a repetition"),
    Column("at_s", Float, nullable=False),
    Column("purpose", String, nullable=False, comment="call, repeat, escalation or end"),
    Column("detail", Text, nullable=False, comment="what changed"),
    Column("route", String, nullable=False, comment="its name; empty: none fits"),
    Column("receiver", Name, nullable=False, comment="its name; empty: none"),
    Column("due_s", Float, nullable=True, comment="when it is decided next; null: it is settled"),
    Column("outcome", String, nullable=False),
    Column("reason", Text, nullable=False, comment="why, in a sentence"),
    Column("decided_s", Float, nullable=True),
    Column("silence_id", serial, nullable=True, comment="the silence that holds it back"),
    Column("parent_id", serial, nullable=True, comment="the incident that it follows from"),
    Column("message_id", serial, nullable=True, comment="the message that it went into"),
    Index("ix_notice_due", "due_s", postgresql_where=text("due_s IS NOT NULL"), sqlite_where=text("due_s IS NOT NULL")),
    Index("ix_notice_incident", "incident_id", "id"),
    Index("ix_notice_outbox", "outbox_id"),
    Index("ix_notice_silence", "silence_id"),
    Index("ix_notice_message", "message_id"),
)

CLOCKS_DIFFER_S = 60.0
"""So far ahead may be the clock of another machine that writes to the same database."""

SHORT_WAIT_S = 60.0
"""What waits longer (quiet hours, silences, escalations) is held to its time even if the clock is set back."""

_row = notice.c


@dataclass(slots=True)
class Notice:
    """A row; see the table. ``id`` is 0 until it is stored."""

    incident_id: int
    outbox_id: int | None
    at_s: float
    purpose: Purpose
    detail: str
    route: str
    receiver: str
    due_s: float | None
    outcome: Outcome = "pending"
    reason: str = ""
    decided_s: float | None = None
    silence_id: int | None = None
    parent_id: int | None = None
    message_id: int | None = None
    id: int = 0


_COLUMNS = columns_of(notice, Notice)
_CHANGING = ("due_s", "outcome", "reason", "decided_s", "silence_id", "parent_id", "message_id")


def add(tx: Connection, notices: Iterable[Notice]) -> None:
    """Store new notices."""
    rows = [{column.name: getattr(record, column.name) for column in _COLUMNS[:-1]} for record in notices]
    if rows:
        tx.execute(insert(notice), rows)


def open_receivers(tx: Connection, now_s: float) -> list[str]:
    """Names of the receivers for which a notice is due."""
    due_now = or_(_row.due_s <= now_s, _put_off_ahead(now_s))
    return sorted(tx.scalars(select(_row.receiver).where(_row.due_s.is_not(None), due_now).distinct()))


def _put_off_ahead(now_s: float) -> ColumnElement[bool]:
    """Whether a notice was put off for a short while at a time that lies ahead: the clock was set back since."""
    put_off_s = func.coalesce(_row.decided_s, _row.at_s)
    return and_(put_off_s > now_s + CLOCKS_DIFFER_S, _row.due_s <= put_off_s + SHORT_WAIT_S)


def release_put_off_ahead(tx: Connection, now_s: float) -> None:
    """Decide at once about what a clock that was set back would hold back for as long as it was set back."""
    statement = sql_update(notice).where(_row.due_s > now_s, _put_off_ahead(now_s))
    tx.execute(statement.values(due_s=now_s))


def due(tx: Connection, receiver: str, until_s: float, most: int) -> list[Notice]:
    """Notices of one receiver that are due at ``until_s``, oldest first."""
    query = select(*_COLUMNS).where(_row.due_s.is_not(None), _row.due_s <= until_s, _row.receiver == receiver)
    return [Notice(*values) for values in tx.execute(query.order_by(_row.due_s, _row.id).limit(most))]


def rewrite(tx: Connection, notices: Sequence[Notice]) -> None:
    """Store what was decided about notices."""
    if notices:
        tx.execute(
            _REWRITE,
            [{name: getattr(record, name) for name in _CHANGING} | {"number": record.id} for record in notices],
        )


def release_silenced(tx: Connection, silence: int, now_s: float) -> None:
    """Decide at once about what a silence, which has ended, holds back."""
    statement = sql_update(notice).where(_row.silence_id == silence, _row.due_s.is_not(None))
    tx.execute(statement.values(due_s=now_s))


def called(tx: Connection, receiver: str, incidents: Collection[int]) -> set[int]:
    """Those of the incidents for which the receiver has been called."""
    query = select(_row.incident_id).where(
        _row.incident_id.in_(sorted(incidents)), _row.receiver == receiver, _row.outcome == "sent"
    )
    return set(tx.scalars(query.distinct()))


def receivers_of(tx: Connection, incidents: Collection[int]) -> dict[int, list[str]]:
    """By incident, names of the receivers that were called, in order."""
    query = select(_row.incident_id, _row.receiver).where(
        _row.incident_id.in_(sorted(incidents)), _row.outcome == "sent", _row.receiver != ""
    )
    names: dict[int, list[str]] = {}
    for number, receiver in sorted(tx.execute(query.distinct()).all()):
        names.setdefault(number, []).append(receiver)
    return names


def repeating(tx: Connection, receiver: str, incidents: Collection[int]) -> set[int]:
    """Those of the incidents of which a repetition is due later already."""
    query = select(_row.incident_id).where(_row.incident_id.in_(sorted(incidents)), _row.receiver == receiver)
    return set(tx.scalars(query.where(_row.purpose == "repeat", _row.due_s.is_not(None))))


def of_incident(tx: Connection, incident: int) -> list[Notice]:
    """All notices of one incident in the order in which they were made."""
    query = select(*_COLUMNS).where(_row.incident_id == incident).order_by(_row.id)
    return [Notice(*values) for values in tx.execute(query)]


def waiting(tx: Connection) -> int:
    """How many notices are not settled."""
    return tx.execute(select(func.count()).select_from(notice).where(_row.due_s.is_not(None))).scalar_one()


def forget(tx: Connection, before_s: float) -> None:
    """Delete what was settled before ``before_s``, and the changes that it was about."""
    tx.execute(delete(notice).where(_row.at_s < before_s, _row.due_s.is_(None)))
    used = select(_row.outbox_id).where(_row.outbox_id == outbox.c.id).exists()
    tx.execute(delete(outbox).where(outbox.c.at_s < before_s, ~used))


_REWRITE = (
    sql_update(notice).where(_row.id == bindparam("number")).values({name: bindparam(name) for name in _CHANGING})
)
