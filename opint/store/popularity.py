"""Forecasts of popularity, their scores and standings; what is stored again for a week replaces what was there.

Forecasts, scores and standings, for reading.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnCollection, ColumnElement, Connection, Table, delete, func, insert, select

from opint.store.records import Record
from opint.store.tables import popularity_forecast, popularity_score, popularity_standing

ROWS = 1000
"""Stored with one statement."""


@dataclass(frozen=True, slots=True)
class ForecastKey:
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


def keep_forecast(
    tx: Connection, batch: ForecastKey, week: str, stored: Iterable[StoredForecast], now_s: float
) -> None:
    """Store the forecast of a week in place of an earlier one."""
    columns = popularity_forecast.c
    tx.execute(delete(popularity_forecast).where(*_of(columns, batch), columns.week == week))
    more = asdict(batch) | {"week": week, "made_s": now_s}
    _insert(tx, popularity_forecast, [more | asdict(record) for record in stored])


def keep_scores(tx: Connection, batch: ForecastKey, stored: Sequence[StoredScore], now_s: float) -> None:
    """Store the scores of some weeks in place of those of the same weeks."""
    columns = popularity_score.c
    for week in sorted({record.week for record in stored}):
        tx.execute(delete(popularity_score).where(*_of(columns, batch), columns.week == week))
    more = asdict(batch) | {"made_s": now_s}
    _insert(tx, popularity_score, [more | asdict(record) for record in stored])


def keep_standings(tx: Connection, batch: ForecastKey, stored: Sequence[StoredStanding], now_s: float) -> None:
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


def model_by_tier(tx: Connection, batch: ForecastKey) -> dict[str, str]:
    """The model by tier; empty if no scoreboard was stored."""
    rows = tx.execute(select(popularity_standing).where(*_of(popularity_standing.c, batch)))
    return {row.tier: row.model for row in rows}


def _of(columns: ColumnCollection[str, Any], batch: ForecastKey) -> tuple[ColumnElement[bool], ...]:
    return columns.catalogue == batch.catalogue, columns.label == batch.label, columns.horizon == batch.horizon


def _insert(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    for first in range(0, len(rows), ROWS):
        tx.execute(insert(table), rows[first : first + ROWS])


class Catalogue(Record):
    """What was asked of some datasets, and the newest week of which something is stored."""

    catalogue: str
    label: str
    horizon: int = Field(description="weeks ahead")
    week: str = Field(description="first day of the newest week, ISO 8601")


class Forecast(Record):
    """Of one dataset."""

    dataset: str
    probability: float
    answer: str = Field(description="yes, no or unsure")
    new: bool = Field(description="whether it has hardly any history")
    model: str
    made_s: float


class ForecastPage(Record):
    """Forecasts of a week, the likeliest first; ``next`` is the cursor of the following page, null at the end."""

    week: str
    items: list[Forecast]
    next: str | None


class Score(Record):
    """Of one model in one week and tier."""

    week: str
    tier: str
    model: str
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    auc: float | None
    average_precision: float | None


class StandingView(Record):
    """Which model forecasts for a tier; an empty tier stands for all others."""

    tier: str
    model: str
    reason: str
    since_s: float


def catalogues(tx: Connection) -> list[Catalogue]:
    """All that was asked, the newest first."""
    newest_week: dict[tuple[str, str, int], str] = {}
    for table in (popularity_score, popularity_forecast):
        at = table.c
        key = at.catalogue, at.label, at.horizon
        for name, label, horizon, week in tx.execute(select(*key, func.max(at.week)).group_by(*key)):
            newest_week[name, label, horizon] = max(week, newest_week.get((name, label, horizon), ""))
    entries = [Catalogue(catalogue=a, label=b, horizon=c, week=week) for (a, b, c), week in newest_week.items()]
    return sorted(
        entries,
        key=lambda catalogue: (catalogue.week, catalogue.catalogue, catalogue.label, -catalogue.horizon),
        reverse=True,
    )


def forecasts(tx: Connection, catalogue: Catalogue, *, search: str, limit: int, skip: int) -> ForecastPage:
    """The newest forecast, of datasets whose name contains ``search``."""
    at = popularity_forecast.c
    scope = at.catalogue == catalogue.catalogue, at.label == catalogue.label, at.horizon == catalogue.horizon
    week = tx.scalar(select(func.max(at.week)).where(*scope))
    if week is None:
        return ForecastPage(week="", items=[], next=None)
    query = select(popularity_forecast).where(*scope, at.week == week, at.dataset.contains(search, autoescape=True))
    rows = tx.execute(query.order_by(at.probability.desc(), at.dataset).offset(skip).limit(limit + 1)).all()
    items = [Forecast.model_validate(row) for row in rows[:limit]]
    return ForecastPage(week=week, items=items, next=str(skip + limit) if len(rows) > limit else None)


def scores(tx: Connection, catalogue: Catalogue) -> list[Score]:
    """All scores, in the order of weeks."""
    at = popularity_score.c
    scope = at.catalogue == catalogue.catalogue, at.label == catalogue.label, at.horizon == catalogue.horizon
    rows = tx.execute(select(popularity_score).where(*scope).order_by(at.week, at.tier, at.model))
    return [Score.model_validate(row) for row in rows]


def standings(tx: Connection, catalogue: Catalogue) -> list[StandingView]:
    """Who forecasts, by tier."""
    at = popularity_standing.c
    scope = at.catalogue == catalogue.catalogue, at.label == catalogue.label, at.horizon == catalogue.horizon
    rows = tx.execute(select(popularity_standing).where(*scope).order_by(at.tier))
    return [StandingView.model_validate(row) for row in rows]
