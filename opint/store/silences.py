"""Silences: who wants to hear nothing of which incidents, until when and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Float,
    Select,
    String,
    Table,
    Text,
    and_,
    func,
    insert,
    literal,
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
    Column("match", JSON, nullable=False, comment="conf.notifications.Matchers"),
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
    """A row; see the table. ``match`` is as conf.notifications.Matchers writes itself."""

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


@dataclass(frozen=True, slots=True)
class AlikeIncidents:
    """Incidents that no matcher can tell apart: how many, and the number of the newest.

    ``beams_stable`` and ``era`` are of the newest lumisection; None unless they were asked for and are stored.
    """

    severity: str
    family: str
    subsystem: str
    element_group: str
    dataset: str
    beams_stable: bool | None
    era: str | None
    count: int
    newest: int


def active_alike(tx: Connection, *, conditions: bool) -> list[AlikeIncidents]:
    """Incidents that are not resolved, newest first, each by itself; few matchers need ``conditions``."""
    query = _alike(conditions, literal(1).label("number"), incident.c.id.label("newest"))
    query = query.where(text("incident.state <> 'resolved'")).order_by(incident.c.id.desc())
    return [AlikeIncidents(*row) for row in tx.execute(query)]


def ended_alike(tx: Connection, since_s: float, *, conditions: bool) -> list[AlikeIncidents]:
    """Incidents that were resolved after ``since_s``, together where they are alike."""
    query = _alike(conditions, func.count().label("number"), func.max(incident.c.id).label("newest"))
    query = query.where(incident.c.resolved_s >= since_s).group_by(*_TRAITS, *(_CONDITIONS if conditions else ()))
    return [AlikeIncidents(*row) for row in tx.execute(query)]


def _alike(conditions: bool, *numbers: ColumnElement[int]) -> Select[Any]:
    if not conditions:
        return select(*_TRAITS, null().label("beams_stable"), null().label("era"), *numbers)
    return select(*_TRAITS, *_CONDITIONS, *numbers).join_from(incident, lumisection, _NEWEST, isouter=True)


_TRAITS = (
    incident.c.severity,
    incident.c.family,
    incident.c.subsystem,
    incident.c.element_group,
    incident.c.dataset,
)
_CONDITIONS = (
    lumisection.c.conditions["beams_stable"].as_boolean(),
    lumisection.c.conditions["era"].as_string(),
)
_NEWEST = and_(
    lumisection.c.dataset == incident.c.dataset,
    lumisection.c.run == incident.c.last_run,
    lumisection.c.ls == incident.c.last_ls,
)
