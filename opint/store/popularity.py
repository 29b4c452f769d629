"""Forecasts of popularity, their scores and model choices; what is stored again for a week replaces what was there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnCollection,
    ColumnElement,
    Connection,
    Float,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)

from opint.store.sql import columns_of
from opint.store.tables import LongName, Name, metadata

popularity_forecast = Table(
    "popularity_forecast",
    metadata,
    Column("catalogue", Name, primary_key=True, comment="whose datasets, as the operator calls it"),
    Column("label", Name, primary_key=True, comment="what counts as popular"),
    Column("horizon", Integer, primary_key=True, comment="weeks ahead"),
    Column("week", Name, primary_key=True, comment="first day of the week that is forecast, ISO 8601"),
    Column("dataset", LongName, primary_key=True),
    Column("probability", Float, nullable=False),
    Column("answer", String, nullable=False, comment="yes, no or unsure"),
    Column("new", Boolean, nullable=False, comment="whether it has hardly any history"),
    Column("model", String, nullable=False),
    Column("made_s", Float, nullable=False, index=True),
)

popularity_score = Table(
    "popularity_score",
    metadata,
    Column("catalogue", Name, primary_key=True),
    Column("label", Name, primary_key=True),
    Column("horizon", Integer, primary_key=True),
    Column("week", Name, primary_key=True, comment="first day of the week that was forecast"),
    Column("tier", Name, primary_key=True, comment="a data tier, all, or new: datasets with hardly any history"),
    Column("model", Name, primary_key=True),
    Column("true_positives", BigInteger, nullable=False),
    Column("false_positives", BigInteger, nullable=False),
    Column("false_negatives", BigInteger, nullable=False),
    Column("true_negatives", BigInteger, nullable=False),
    Column("auc", Float, nullable=True, comment="null where nothing, or everything, was popular"),
    Column("average_precision", Float, nullable=True, comment="null where nothing was popular"),
    Column("made_s", Float, nullable=False, index=True),
)

popularity_model_choice = Table(
    "popularity_model_choice",
    metadata,
    Column("catalogue", Name, primary_key=True),
    Column("label", Name, primary_key=True),
    Column("horizon", Integer, primary_key=True),
    Column("tier", Name, primary_key=True, comment="empty: all tiers without a line of their own"),
    Column("model", String, nullable=False, comment="which forecasts"),
    Column("reason", Text, nullable=False),
    Column("since_s", Float, nullable=False, comment="since when this model"),
)

ROWS = 1000
"""Stored with one statement."""


@dataclass(frozen=True, slots=True)
class ForecastKey:
    """Which datasets, what counts as popular, and how many weeks ahead."""

    catalogue: str
    label: str
    horizon: Annotated[int, Field(description="weeks ahead")]


@dataclass(frozen=True, slots=True)
class StoredCatalogue(ForecastKey):
    """A key with the newest week of which something is stored."""

    week: Annotated[str, Field(description="first day of the newest week, ISO 8601")]


@dataclass(frozen=True, slots=True)
class StoredForecast:
    """The forecast of one dataset; see :mod:`opint.popularity.forecasting`. ``made_s`` is set when it is stored."""

    dataset: str
    probability: float
    answer: Annotated[str, Field(description="yes, no or unsure")]
    new: Annotated[bool, Field(description="whether it has hardly any history")]
    model: str
    made_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ForecastPage:
    """Forecasts of a week, the likeliest first; ``next`` is the cursor of the following page, null at the end."""

    week: str
    items: list[StoredForecast]
    next: str | None


@dataclass(frozen=True, slots=True)
class StoredScore:
    """The score of one model in one week (ISO 8601) and tier; see :class:`opint.popularity.scoreboard.Row`."""

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
class StoredModelChoice:
    """The model that forecasts for a tier, and why; an empty tier stands for all others.

    ``since_s`` is set when it is stored.
    """

    tier: str
    model: str
    reason: str
    since_s: float = 0.0


def keep_forecast(
    tx: Connection, batch: ForecastKey, week: str, stored: Iterable[StoredForecast], now_s: float
) -> None:
    """Store the forecast of a week in place of an earlier one."""
    columns = popularity_forecast.c
    tx.execute(delete(popularity_forecast).where(*_of(columns, batch), columns.week == week))
    more = asdict(batch) | {"week": week, "made_s": now_s}
    _insert(tx, popularity_forecast, [asdict(record) | more for record in stored])


def keep_scores(tx: Connection, batch: ForecastKey, stored: Sequence[StoredScore], now_s: float) -> None:
    """Store the scores of some weeks in place of those of the same weeks."""
    columns = popularity_score.c
    for week in sorted({record.week for record in stored}):
        tx.execute(delete(popularity_score).where(*_of(columns, batch), columns.week == week))
    more = asdict(batch) | {"made_s": now_s}
    _insert(tx, popularity_score, [more | asdict(record) for record in stored])


def store_model_choices(tx: Connection, batch: ForecastKey, stored: Sequence[StoredModelChoice], now_s: float) -> None:
    """Store who forecasts, in place of all before; who goes on keeps the time since when."""
    columns = popularity_model_choice.c
    rows = tx.execute(select(popularity_model_choice).where(*_of(columns, batch)))
    since = {(row.tier, row.model): row.since_s for row in rows}
    tx.execute(delete(popularity_model_choice).where(*_of(columns, batch)))
    more = asdict(batch)
    _insert(
        tx,
        popularity_model_choice,
        [asdict(record) | more | {"since_s": since.get((record.tier, record.model), now_s)} for record in stored],
    )


def model_by_tier(tx: Connection, batch: ForecastKey) -> dict[str, str]:
    """The model by tier; empty if no scoreboard was stored."""
    rows = tx.execute(select(popularity_model_choice).where(*_of(popularity_model_choice.c, batch)))
    return {row.tier: row.model for row in rows}


def _of(columns: ColumnCollection[str, Any], batch: ForecastKey) -> tuple[ColumnElement[bool], ...]:
    return columns.catalogue == batch.catalogue, columns.label == batch.label, columns.horizon == batch.horizon


def _insert(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    for first in range(0, len(rows), ROWS):
        tx.execute(insert(table), rows[first : first + ROWS])


def catalogues(tx: Connection) -> list[StoredCatalogue]:
    """All catalogues of which something is stored, the newest first."""
    newest_week: dict[ForecastKey, str] = {}
    for table in (popularity_score, popularity_forecast):
        at = table.c
        columns = at.catalogue, at.label, at.horizon
        for catalogue, label, horizon, week in tx.execute(select(*columns, func.max(at.week)).group_by(*columns)):
            key = ForecastKey(catalogue, label, horizon)
            newest_week[key] = max(week, newest_week.get(key, ""))
    entries = [StoredCatalogue(key.catalogue, key.label, key.horizon, week) for key, week in newest_week.items()]
    return sorted(
        entries,
        key=lambda entry: (entry.week, entry.catalogue, entry.label, -entry.horizon),
        reverse=True,
    )


def forecasts(tx: Connection, catalogue: StoredCatalogue, *, search: str, limit: int, skip: int) -> ForecastPage:
    """The newest forecast, of datasets whose name contains ``search``."""
    at = popularity_forecast.c
    scope = _of(at, catalogue)
    week = tx.scalar(select(func.max(at.week)).where(*scope))
    if week is None:
        return ForecastPage(week="", items=[], next=None)
    query = select(*columns_of(popularity_forecast, StoredForecast)).where(
        *scope, at.week == week, at.dataset.contains(search, autoescape=True)
    )
    rows = tx.execute(query.order_by(at.probability.desc(), at.dataset).offset(skip).limit(limit + 1)).all()
    items = [StoredForecast(*row) for row in rows[:limit]]
    return ForecastPage(week=week, items=items, next=str(skip + limit) if len(rows) > limit else None)


def scores(tx: Connection, catalogue: StoredCatalogue) -> list[StoredScore]:
    """All scores, in the order of weeks."""
    at = popularity_score.c
    scope = _of(at, catalogue)
    rows = tx.execute(
        select(*columns_of(popularity_score, StoredScore)).where(*scope).order_by(at.week, at.tier, at.model)
    )
    return [StoredScore(*row) for row in rows]


def model_choices(tx: Connection, catalogue: StoredCatalogue) -> list[StoredModelChoice]:
    """Who forecasts, by tier."""
    at = popularity_model_choice.c
    scope = _of(at, catalogue)
    rows = tx.execute(select(*columns_of(popularity_model_choice, StoredModelChoice)).where(*scope).order_by(at.tier))
    return [StoredModelChoice(*row) for row in rows]
