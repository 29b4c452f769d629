"""Silences: who wants to hear nothing of which incidents, until when and why."""

from collections.abc import Collection, Sequence
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
    func,
    insert,
    or_,
    select,
    text,
    tuple_,
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


@dataclass(frozen=True, slots=True)
class AlikeIncidents:
    """Incidents that no matcher can tell apart: how many, and the newest; ``place`` is None unless it was asked for."""

    severity: str
    family: str
    subsystem: str
    element_group: str
    dataset: str
    place: tuple[int, int] | None
    count: int
    newest: int


def active_alike(tx: Connection) -> list[AlikeIncidents]:
    """Incidents that are not resolved, newest first, each by itself."""
    row = incident.c
    query = select(*_TRAITS, row.last_run, row.last_ls, row.id).where(text("state <> 'resolved'"))
    return [
        _alike(alike, _place(alike.last_run, alike.last_ls), 1, alike.id)
        for alike in tx.execute(query.order_by(row.id.desc()))
    ]


def ended_alike(tx: Connection, since_s: float, *, places: bool) -> list[AlikeIncidents]:
    """Incidents that were resolved after ``since_s``, together where they are alike.

    ``places`` keeps those apart whose newest lumisections differ, which few matchers need.
    """
    row = incident.c
    places_of = (row.last_run, row.last_ls) if places else ()
    keys = (*_TRAITS, *places_of)
    numbers = func.count().label("number"), func.max(row.id).label("newest")
    query = select(*keys, *numbers).where(row.resolved_s >= since_s).group_by(*keys)
    return [
        _alike(alike, _place(alike.last_run, alike.last_ls) if places else None, alike.number, alike.newest)
        for alike in tx.execute(query)
    ]


def _alike(row: Any, place: tuple[int, int] | None, count: int, newest: int) -> AlikeIncidents:
    return AlikeIncidents(
        severity=row.severity,
        family=row.family,
        subsystem=row.subsystem,
        element_group=row.element_group,
        dataset=row.dataset,
        place=place,
        count=count,
        newest=newest,
    )


def conditions_at(tx: Connection, dataset: str, places: Collection[tuple[int, int]]) -> dict[tuple[int, int], Any]:
    """By run and lumisection, the conditions that are stored of a dataset."""
    there, ordered = lumisection.c, sorted(places)
    return {
        (run, ls): conditions
        for start in range(0, len(ordered), MOST_PLACES)
        for run, ls, conditions in tx.execute(
            select(there.run, there.ls, there.conditions).where(
                there.dataset == dataset, tuple_(there.run, there.ls).in_(ordered[start : start + MOST_PLACES])
            )
        )
    }


def _place(run: int | None, ls: int | None) -> tuple[int, int] | None:
    return None if run is None or ls is None else (run, ls)


MOST_PLACES = 400
"""Places in one statement."""

_TRAITS = (
    incident.c.severity,
    incident.c.family,
    incident.c.subsystem,
    incident.c.element_group,
    incident.c.dataset,
)
