"""The state of the whole machinery: what changed last, and what the page of the system shows."""

from typing import NamedTuple

from pydantic import Field
from sqlalchemy import Column, Connection, func, inspect, select, text

from opint.store import feedback, heartbeats, hotline, models, offsets, workflow_decisions, workflows
from opint.store.feedback import Agreement
from opint.store.heartbeats import Heartbeat
from opint.store.models import ModelVersion, Promotion
from opint.store.offsets import StoredOffset
from opint.store.sql import Record
from opint.store.tables import (
    audit,
    dead_letter,
    heartbeat,
    incident,
    lumisection,
)


class System(Record):
    """The state of the machinery, and how far operators agree with it."""

    daemons: list[Heartbeat]
    offsets: list[StoredOffset]
    models: list[ModelVersion]
    promotions: list[Promotion] = Field(description="newest first")
    agreement: list[Agreement]
    dead_letters: int
    database: str = Field(description="dialect and server version")
    schema_version: str | None = Field(description="migration that the database stands at")


MOST_PROMOTIONS = 10
"""Newest promotions that are shown."""


class Marker(NamedTuple):
    """Numbers that move when the store changes; equal markers mean that a page need not be read again."""

    incidents: int
    lumisections: int
    dead_letters: int
    heartbeat: int
    hotline: int
    workflows: int


LATE_COMMITS = 1000
"""A transaction is noticed although so many rows with greater numbers were committed before it."""


def marker(tx: Connection) -> Marker:
    """Where the store stands. A few seeks and two counts of at most LATE_COMMITS: cheap enough for every second."""
    changed = tx.execute(select(func.max(incident.c.updated_s))).scalar_one()
    return Marker(
        incidents=_rows_added(tx, audit.c.id) + _rows_added(tx, incident.c.id) + _milliseconds(changed),
        lumisections=_milliseconds(tx.execute(select(func.max(lumisection.c.updated_s))).scalar_one()),
        dead_letters=tx.execute(select(func.max(dead_letter.c.id))).scalar_one() or 0,
        heartbeat=_milliseconds(tx.execute(select(func.max(heartbeat.c.at_s))).scalar_one()),
        hotline=hotline.marker(tx),
        workflows=workflows.marker(tx) + workflow_decisions.marker(tx),
    )


def _rows_added(tx: Connection, number: Column[int]) -> int:
    """A number that grows with each row, also where one that commits late has a smaller number than those before it."""
    newest = tx.execute(select(func.max(number))).scalar_one() or 0
    return newest + tx.execute(select(func.count(number)).where(number > newest - LATE_COMMITS)).scalar_one()


def dead_letters(tx: Connection) -> int:
    """How many messages could not be used."""
    return tx.execute(select(func.count()).select_from(dead_letter)).scalar_one()


def closed_since(tx: Connection, since_s: float) -> tuple[int, list[float]]:
    """How many lumisections changed after ``since_s``, and the s from publication to verdict of those closed."""
    row = lumisection.c
    rows = tx.execute(select(row.published_s, row.closed_s).where(row.updated_s > since_s)).all()
    return len(rows), [closed - published for published, closed in rows if closed is not None]


def load_system(tx: Connection) -> System:
    """The state of the machinery, and how far operators agree with it."""
    return System(
        daemons=heartbeats.newest(tx),
        offsets=offsets.every(tx),
        models=models.versions(tx),
        promotions=models.promotions(tx, MOST_PROMOTIONS),
        agreement=feedback.agreement(tx),
        dead_letters=dead_letters(tx),
        database=f"{tx.dialect.name} {'.'.join(map(str, tx.dialect.server_version_info or ()))}".strip(),
        schema_version=_schema_version(tx),
    )


def _schema_version(tx: Connection) -> str | None:
    if not inspect(tx).has_table("alembic_version"):
        return None
    return tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _milliseconds(seconds: float | None) -> int:
    return 0 if seconds is None else round(seconds * 1000)
