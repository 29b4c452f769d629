"""Forecasts, scores and standings, for reading."""

from pydantic import Field
from sqlalchemy import Connection, func, select

from opint.store.tables import popularity_forecast, popularity_score, popularity_standing
from opint.store.views.records import Record


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
    found: dict[tuple[str, str, int], str] = {}
    for table in (popularity_score, popularity_forecast):
        at = table.c
        key = at.catalogue, at.label, at.horizon
        for name, label, horizon, week in tx.execute(select(*key, func.max(at.week)).group_by(*key)):
            found[name, label, horizon] = max(week, found.get((name, label, horizon), ""))
    told = [Catalogue(catalogue=a, label=b, horizon=c, week=week) for (a, b, c), week in found.items()]
    return sorted(told, key=lambda one: (one.week, one.catalogue, one.label, -one.horizon), reverse=True)


def forecasts(tx: Connection, asked: Catalogue, *, search: str, limit: int, skip: int) -> ForecastPage:
    """The newest forecast, of datasets whose name contains ``search``."""
    at = popularity_forecast.c
    mine = at.catalogue == asked.catalogue, at.label == asked.label, at.horizon == asked.horizon
    week = tx.scalar(select(func.max(at.week)).where(*mine))
    if week is None:
        return ForecastPage(week="", items=[], next=None)
    query = select(popularity_forecast).where(*mine, at.week == week, at.dataset.contains(search, autoescape=True))
    rows = tx.execute(query.order_by(at.probability.desc(), at.dataset).offset(skip).limit(limit + 1)).all()
    items = [Forecast.model_validate(row) for row in rows[:limit]]
    return ForecastPage(week=week, items=items, next=str(skip + limit) if len(rows) > limit else None)


def scores(tx: Connection, asked: Catalogue) -> list[Score]:
    """All scores, in the order of weeks."""
    at = popularity_score.c
    mine = at.catalogue == asked.catalogue, at.label == asked.label, at.horizon == asked.horizon
    rows = tx.execute(select(popularity_score).where(*mine).order_by(at.week, at.tier, at.model))
    return [Score.model_validate(row) for row in rows]


def standings(tx: Connection, asked: Catalogue) -> list[StandingView]:
    """Who forecasts, by tier."""
    at = popularity_standing.c
    mine = at.catalogue == asked.catalogue, at.label == asked.label, at.horizon == asked.horizon
    rows = tx.execute(select(popularity_standing).where(*mine).order_by(at.tier))
    return [StandingView.model_validate(row) for row in rows]
