"""Forecasts of popularity, their scores and standings; what is stored again for a week replaces what was there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnCollection, ColumnElement, Connection, Table, delete, insert, select

from opint.store.tables import popularity_forecast, popularity_score, popularity_standing

ROWS = 1000
"""Stored with one statement."""


@dataclass(frozen=True, slots=True)
class ForecastKey:
    """Identifies forecasts: the catalogue of datasets, the label of a popular week, and the horizon in weeks."""

    catalogue: str
    label: str
    horizon: int


@dataclass(frozen=True, slots=True)
class StoredForecast:
    """Of one dataset; see :mod:`opint.popularity.forecasting`."""

    dataset: str
    probability: float
    answer: str
    new: bool
    model: str


@dataclass(frozen=True, slots=True)
class StoredScore:
    """Of one model in one week (ISO 8601) and tier; see :class:`opint.popularity.scoreboard.ScoreRow`."""

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


def keep_forecast(tx: Connection, key: ForecastKey, week: str, found: Iterable[StoredForecast], now_s: float) -> None:
    """Store the forecast of a week in place of an earlier one."""
    mine = popularity_forecast.c
    tx.execute(delete(popularity_forecast).where(*_of(mine, key), mine.week == week))
    more = asdict(key) | {"week": week, "made_s": now_s}
    _insert(tx, popularity_forecast, [more | asdict(one) for one in found])


def keep_scores(tx: Connection, key: ForecastKey, found: Sequence[StoredScore], now_s: float) -> None:
    """Store the scores of some weeks in place of those of the same weeks."""
    mine = popularity_score.c
    for week in sorted({one.week for one in found}):
        tx.execute(delete(popularity_score).where(*_of(mine, key), mine.week == week))
    more = asdict(key) | {"made_s": now_s}
    _insert(tx, popularity_score, [more | asdict(one) for one in found])


def keep_standings(tx: Connection, key: ForecastKey, found: Sequence[StoredStanding], now_s: float) -> None:
    """Store who forecasts, in place of all before; who goes on keeps the time since when."""
    mine = popularity_standing.c
    rows = tx.execute(select(popularity_standing).where(*_of(mine, key)))
    since = {(row.tier, row.model): row.since_s for row in rows}
    tx.execute(delete(popularity_standing).where(*_of(mine, key)))
    more = asdict(key)
    _insert(
        tx,
        popularity_standing,
        [more | asdict(one) | {"since_s": since.get((one.tier, one.model), now_s)} for one in found],
    )


def standings(tx: Connection, key: ForecastKey) -> dict[str, str]:
    """The model by tier; empty if no scoreboard was stored."""
    rows = tx.execute(select(popularity_standing).where(*_of(popularity_standing.c, key)))
    return {row.tier: row.model for row in rows}


def _of(columns: ColumnCollection[str, Any], key: ForecastKey) -> tuple[ColumnElement[bool], ...]:
    return columns.catalogue == key.catalogue, columns.label == key.label, columns.horizon == key.horizon


def _insert(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    for first in range(0, len(rows), ROWS):
        tx.execute(insert(table), rows[first : first + ROWS])
