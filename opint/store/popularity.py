"""Forecasts of popularity, their scores and standings; what is stored again for a week replaces what was there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnCollection, ColumnElement, Connection, Table, delete, insert, select

from opint.store.tables import popularity_forecast, popularity_score, popularity_standing

ROWS = 1000
"""Stored with one statement."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: which datasets, what counts as popular, how many weeks ahead."""

    catalogue: str
    label: str
    horizon: int


@dataclass(frozen=True, slots=True)
class StoredForecast:
    """Of one dataset; see :mod:`opint.popularity.next_week`."""

    dataset: str
    probability: float
    answer: str
    new: bool
    model: str


@dataclass(frozen=True, slots=True)
class StoredScore:
    """Of one model in one week (ISO 8601) and tier; see :class:`opint.popularity.scoreboard.Row`."""

    week: str
    tier: str
    model: str
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    auc: float | None
    average_precision: float | None


@dataclass(frozen=True, slots=True)
class StoredStanding:
    """Which model forecasts for a tier, and why."""

    tier: str
    model: str
    reason: str


def keep_forecast(tx: Connection, batch: Asked, week: str, stored: Iterable[StoredForecast], now_s: float) -> None:
    """Store the forecast of a week in place of an earlier one."""
    columns = popularity_forecast.c
    tx.execute(delete(popularity_forecast).where(*_of(columns, batch), columns.week == week))
    more = asdict(batch) | {"week": week, "made_s": now_s}
    _insert(tx, popularity_forecast, [more | asdict(record) for record in stored])


def keep_scores(tx: Connection, batch: Asked, stored: Sequence[StoredScore], now_s: float) -> None:
    """Store the scores of some weeks in place of those of the same weeks."""
    columns = popularity_score.c
    for week in sorted({record.week for record in stored}):
        tx.execute(delete(popularity_score).where(*_of(columns, batch), columns.week == week))
    more = asdict(batch) | {"made_s": now_s}
    _insert(tx, popularity_score, [more | asdict(record) for record in stored])


def keep_standings(tx: Connection, batch: Asked, stored: Sequence[StoredStanding], now_s: float) -> None:
    """Store who forecasts, in place of all before; who goes on keeps the time since when."""
    columns = popularity_standing.c
    rows = tx.execute(select(popularity_standing).where(*_of(columns, batch)))
    since = {(row.tier, row.model): row.since_s for row in rows}
    tx.execute(delete(popularity_standing).where(*_of(columns, batch)))
    more = asdict(batch)
    _insert(
        tx,
        popularity_standing,
        [more | asdict(record) | {"since_s": since.get((record.tier, record.model), now_s)} for record in stored],
    )


def standings(tx: Connection, batch: Asked) -> dict[str, str]:
    """The model by tier; empty if no scoreboard was stored."""
    rows = tx.execute(select(popularity_standing).where(*_of(popularity_standing.c, batch)))
    return {row.tier: row.model for row in rows}


def _of(columns: ColumnCollection[str, Any], batch: Asked) -> tuple[ColumnElement[bool], ...]:
    return columns.catalogue == batch.catalogue, columns.label == batch.label, columns.horizon == batch.horizon


def _insert(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    for first in range(0, len(rows), ROWS):
        tx.execute(insert(table), rows[first : first + ROWS])
