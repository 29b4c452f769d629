"""Silences: who wants to hear nothing of which incidents, until when and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    String,
    Table,
    Text,
    and_,
    insert,
    null,
    or_,
    select,
    text,
    update,
)

from conf.errors import NightshiftError
from opint.store.sql import columns_of
from opint.store.tables import incident, lumisection, metadata, serial

silence = Table(
    "silence",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("match", JSON, nullable=False, comment="conf.routes.Matchers"),
    Column(
        "incidents",
        JSON(none_as_null=True),
        nullable=True,
        comment="numbers: ends when all are resolved; null: ends at ends_s",
    ),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_s", Float, nullable=False),
    Column("ends_s", Float, nullable=True, index=True, comment="null: until the incidents are resolved"),
    Column("expired_s", Float, nullable=True, comment="when a person has ended it"),
    Column("expired_by", String, nullable=False),
)

_row = silence.c


class UnknownSilenceError(NightshiftError):
    """There is no silence of this number."""


@dataclass(frozen=True, slots=True)
class StoredSilence:
    """A row; see the table. ``match`` is as conf.routes.Matchers writes itself."""

    id: int
    match: dict[str, Any]
    incidents: list[int] | None
    actor: str
    reason: str
    created_s: float
    ends_s: float | None
    expired_s: float | None
    expired_by: str


_COLUMNS = columns_of(silence, StoredSilence)


def add(
    tx: Connection,
    match: dict[str, Any],
    incidents: Sequence[int] | None,
    actor: str,
    reason: str,
    now_s: float,
    ends_s: float | None,
) -> int:
    """Store a silence; its number."""
    row = {
        "match": match,
        "incidents": None if incidents is None else list(incidents),
        "actor": actor,
        "reason": reason,
        "created_s": now_s,
        "ends_s": ends_s,
        "expired_by": "",
    }
    number: int = tx.execute(insert(silence).returning(_row.id), row).scalar_one()
    return number


def get(tx: Connection, number: int) -> StoredSilence:
    """One silence; raises UnknownSilenceError if there is none of this number."""
    row = tx.execute(select(*_COLUMNS).where(_row.id == number)).one_or_none()
    if row is None:
        raise UnknownSilenceError(f"there is no silence {number}; see `nightshift silence list`")
    return StoredSilence(*row)


def running(tx: Connection, now_s: float) -> list[StoredSilence]:
    """Silences whose end nobody has brought and no clock, oldest first."""
    on = _row.expired_s.is_(None), or_(_row.ends_s.is_(None), _row.ends_s > now_s)
    return [StoredSilence(*values) for values in tx.execute(select(*_COLUMNS).where(*on).order_by(_row.id))]


def newest(tx: Connection, most: int) -> list[StoredSilence]:
    """The newest silences, ended ones included, newest first."""
    query = select(*_COLUMNS).order_by(_row.id.desc()).limit(most)
    return [StoredSilence(*values) for values in tx.execute(query)]


def expire(tx: Connection, number: int, actor: str, now_s: float) -> None:
    """Note that a person has ended a silence."""
    tx.execute(update(silence).where(_row.id == number).values(expired_s=now_s, expired_by=actor))


def unresolved(tx: Connection, numbers: Sequence[int]) -> set[int]:
    """Those of the incidents that are not resolved."""
    query = select(incident.c.id).where(incident.c.id.in_(numbers), incident.c.state != "resolved")
    return set(tx.scalars(query))


def candidates(tx: Connection, since_s: float, *, with_conditions: bool) -> Sequence[Any]:
    """Incidents that were active after ``since_s``: number, state and what matchers look at, newest first.

    ``conditions`` of the newest lumisection are null unless they are asked for: few matchers need them.
    """
    row = incident.c
    columns = row.id, row.state, row.severity, row.family, row.subsystem, row.element_group, row.dataset
    conditions = lumisection.c.conditions if with_conditions else null().label("conditions")
    query = select(*columns, conditions)
    if with_conditions:
        there = lumisection.c.dataset == row.dataset, lumisection.c.run == row.last_run, lumisection.c.ls == row.last_ls
        query = query.outerjoin(lumisection, and_(*there))
    parts = [query.where(text("state <> 'resolved'")), query.where(row.resolved_s >= since_s)]
    return [candidate for part in parts for candidate in tx.execute(part.order_by(row.id.desc()))]
