"""Messages to receivers: composed once, sent until they are accepted, each under one key however often.

Several dispatchers may send. One *claims* messages for a time (a lease): another leaves them alone until that has
passed, so that those of a dispatcher that was killed are sent again, under the same key.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from conf.errors import NightshiftError
from opint.store.sql import columns_of, storable
from opint.store.tables import Name, metadata, serial

LONGEST_WAIT_S = 2 * 3600.0
"""No message waits longer between two attempts, and no claim lasts longer."""

MINUTE_S = 60.0

MOST_ERROR = 500
"""Characters of an error that are stored."""

State = Literal["waiting", "sent", "dead"]

message = Table(
    "message",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("key", Name, nullable=False, unique=True, comment="Idempotency-Key: the same in all attempts"),
    Column("receiver", Name, nullable=False),
    Column("subject", Text, nullable=False),
    Column("content", JSON, nullable=False, comment="opint.notifications.content.Content"),
    Column("incidents", Integer, nullable=False, comment="how many it is about"),
    Column("composed_s", Float, nullable=False),
    Column("due_s", Float, nullable=True, comment="when it is sent next; null: sent or dead"),
    Column("state", String, nullable=False, comment="waiting, sent or dead"),
    Column("attempts", Integer, nullable=False),
    Column("claimed_by", String, nullable=False, comment="the dispatcher that sends it; empty: none"),
    Column("claimed_until_s", Float, nullable=False),
    Column("retried_s", Float, nullable=False, comment="since when it has been tried"),
    Column("answered_s", Float, nullable=True),
    Column("error", Text, nullable=False, comment="of the last attempt"),
    Index(
        "ix_message_due", "due_s", postgresql_where=text("due_s IS NOT NULL"), sqlite_where=text("due_s IS NOT NULL")
    ),
    Index("ix_message_state", "state", "id"),
    Index("ix_message_receiver", "receiver", "composed_s"),
)

_row = message.c


class UnknownMessageError(NightshiftError):
    """There is no message of this number, or it cannot be sent again."""


class NotDeadError(UnknownMessageError):
    """There is no dead message of this number: the one that has it waits or was sent."""


@dataclass(frozen=True, slots=True)
class Message:
    """A row; see the table."""

    id: int
    key: str
    receiver: str
    subject: str
    content: dict[str, Any]
    incidents: int
    composed_s: float
    due_s: float | None
    state: State
    attempts: int
    claimed_by: str
    claimed_until_s: float
    retried_s: float
    answered_s: float | None
    error: str


_COLUMNS = columns_of(message, Message)


def add(
    tx: Connection, key: str, receiver: str, subject: str, content: dict[str, Any], incidents: int, now_s: float
) -> int:
    """Store a message that is to be sent at once; its number."""
    row = {
        "key": key,
        "receiver": receiver,
        "subject": subject,
        "content": content,
        "incidents": incidents,
        "composed_s": now_s,
        "due_s": now_s,
        "state": "waiting",
        "attempts": 0,
        "claimed_by": "",
        "claimed_until_s": 0.0,
        "retried_s": now_s,
        "error": "",
    }
    number: int = tx.execute(insert(message).returning(_row.id), row).scalar_one()
    return number


def due_receivers(tx: Connection, now_s: float) -> list[str]:
    """Names of the receivers to which a message is due that nobody sends."""
    return sorted(tx.scalars(select(_row.receiver).where(*_free(now_s)).distinct()))


def _free(now_s: float) -> tuple[ColumnElement[bool], ...]:
    """What is due and not claimed. Times further ahead than any that we set are those of a clock that was set back."""
    return (
        _row.due_s.is_not(None),
        or_(_row.due_s <= now_s, _row.due_s > now_s + LONGEST_WAIT_S),
        or_(_row.claimed_until_s <= now_s, _row.claimed_until_s > now_s + LONGEST_WAIT_S),
    )


def claim(tx: Connection, dispatcher: str, receiver: str, now_s: float, lease_s: float, most: int) -> list[Message]:
    """Messages to a receiver that are due and that nobody else sends, now claimed for ``lease_s``; oldest first."""
    free = select(_row.id).where(_row.receiver == receiver, *_free(now_s))
    free = free.order_by(_row.due_s, _row.id).limit(most)
    if tx.dialect.name == "postgresql":
        free = free.with_for_update(skip_locked=True)
    numbers = list(tx.scalars(free))
    if not numbers:
        return []
    claimed = {"claimed_by": dispatcher, "claimed_until_s": now_s + lease_s, "attempts": _row.attempts + 1}
    tx.execute(update(message).where(_row.id.in_(numbers)).values(claimed))
    query = select(*_COLUMNS).where(_row.id.in_(numbers)).order_by(_row.id)
    return [Message(*values) for values in tx.execute(query)]


def mark_sent(tx: Connection, number: int, now_s: float) -> None:
    """Note that the receiver has accepted it, whoever sent it."""
    settled = {"state": "sent", "due_s": None, "answered_s": now_s, "error": "", "claimed_by": "", "claimed_until_s": 0}
    tx.execute(update(message).where(_row.id == number).values(settled))


def mark_failed(tx: Connection, number: int, dispatcher: str, error: str, next_s: float | None) -> None:
    """Note an attempt that failed; ``next_s`` is when it is tried again, None for never: it is dead then.

    Nothing changes if another dispatcher has claimed it by now.
    """
    values: dict[str, Any] = {"error": storable(error, MOST_ERROR), "due_s": next_s}
    values |= {"claimed_by": "", "claimed_until_s": 0.0}
    if next_s is None:
        values["state"] = "dead"
    own = _row.id == number, _row.claimed_by == dispatcher, _row.state == "waiting"
    tx.execute(update(message).where(*own).values(values))


def resend(tx: Connection, number: int, now_s: float) -> Message:
    """Send a dead message again, under its key; raises UnknownMessageError, or NotDeadError."""
    row = tx.execute(select(*_COLUMNS).where(_row.id == number)).one_or_none()
    if row is None:
        raise UnknownMessageError(f"there is no message {number}; see `nightshift notify list`")
    if row.state != "dead":
        raise NotDeadError(f"message {number} is {row.state}; only dead messages are sent again")
    tx.execute(update(message).where(_row.id == number).values(state="waiting", due_s=now_s, retried_s=now_s))
    return Message(*row)


def waiting_of(tx: Connection, receiver: str) -> int:
    """How many messages of a receiver are not sent yet."""
    query = select(func.count()).select_from(message).where(_row.due_s.is_not(None), _row.receiver == receiver)
    return tx.execute(query).scalar_one()


@dataclass(frozen=True, slots=True)
class RecentMessages:
    """How many messages a receiver was composed lately, and when the newest digest was."""

    number: int
    newest_digest_s: float | None


def recent(tx: Connection, receiver: str, now_s: float, digest_above: int) -> RecentMessages:
    """The messages of a receiver that were composed within the last minute, and no later: clocks are set back."""
    scope = _row.receiver == receiver, _row.composed_s > now_s - MINUTE_S, _row.composed_s <= now_s
    number = tx.execute(select(func.count()).select_from(message).where(*scope)).scalar_one()
    newest = select(func.max(_row.composed_s)).where(_row.receiver == receiver, _row.incidents > digest_above)
    return RecentMessages(number, tx.execute(newest).scalar_one())


def page(
    tx: Connection, *, state: str | None = None, limit: int = 50, before: int | None = None
) -> tuple[list[Message], str | None]:
    """Messages, newest first, and the cursor of the next page, None at the end."""
    query = select(*_COLUMNS).order_by(_row.id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(_row.state == state)
    if before is not None:
        query = query.where(_row.id < before)
    rows = [Message(*values) for values in tx.execute(query)]
    return rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None


def by_number(tx: Connection, numbers: Collection[int]) -> dict[int, Message]:
    """Messages of these numbers, without those that are not stored any more."""
    query = select(*_COLUMNS).where(_row.id.in_(sorted(numbers)))
    return {row.id: Message(*row) for row in tx.execute(query)}


def counts(tx: Connection) -> dict[str, int]:
    """How many messages are in each state."""
    rows = tx.execute(select(_row.state, func.count().label("number")).group_by(_row.state))
    return {row.state: row.number for row in rows}


def forget(tx: Connection, before_s: float) -> None:
    """Delete messages that were composed before ``before_s``, but for those that wait."""
    tx.execute(delete(message).where(_row.composed_s < before_s, _row.due_s.is_(None)))
