"""How each model did, week by week and tier by tier, beside the baselines: as records, a table, JSON and a page."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.table import Table

from opint.popularity.history import History, Weeks
from opint.popularity.metrics import ALL, NEW, Counts, average_precision, roc_auc
from opint.popularity.predictors import is_new
from opint.popularity.walk_forward import WeekForecast
from opint.store.popularity import Score
from streams.arrays import Mask


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The score of one model in one week and group; areas are NaN where nothing, or everything, was popular."""

    week: int
    group: str
    model: str
    counts: Counts
    auc: float
    average_precision: float


def score_rows(history: History, forecasts: Mapping[str, Sequence[WeekForecast]]) -> Iterator[ScoreRow]:
    """The rows of all forecasts by model: all datasets first, then new datasets, then each tier."""
    tiers = np.array(history.traits.get("tier", ("",) * history.shape[0]))
    for model, weeks in forecasts.items():
        for forecast in weeks:
            fresh = is_new(history, forecast.made)[forecast.dataset]
            yield _score_row(forecast, model, ALL, np.ones(len(forecast.dataset), dtype=np.bool_))
            yield _score_row(forecast, model, NEW, fresh)
            tier_of = tiers[forecast.dataset]
            for tier in np.unique(tier_of):
                if tier:
                    yield _score_row(forecast, model, str(tier), tier_of == tier)


def total_counts(board: Sequence[ScoreRow], group: str, model: str) -> Counts:
    """Hits and misses of a model over all weeks of a group."""
    counts = [row.counts for row in board if (row.group, row.model) == (group, model)]
    return sum(counts, start=Counts(0, 0, 0, 0))


def _score_row(forecast: WeekForecast, model: str, group: str, rows: Mask) -> ScoreRow:
    popular, probability = forecast.popular[rows], forecast.probability[rows]
    areas = roc_auc(probability, popular), average_precision(probability, popular)
    return ScoreRow(forecast.week, group, model, Counts.of(forecast.forecast[rows], popular), *areas)


def scoreboard_table(board: Sequence[ScoreRow]) -> Table:
    """All weeks together: one row per group and model."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("group", "model"):
        table.add_column(name, no_wrap=True)
    for name in ("TPR", "TNR", "precision", "F1", "false +", "false −", "popular"):
        table.add_column(name, justify="right")
    for group in dict.fromkeys(row.group for row in board):
        for model in dict.fromkeys(row.model for row in board):
            counts = total_counts(board, group, model)
            shares = (counts.tpr, counts.tnr, counts.precision, counts.f1)
            wrong = counts.false_positives, counts.false_negatives
            popular = counts.true_positives + counts.false_negatives
            table.add_row(group, model, *map(_share, shares), *(f"{count:,}" for count in (*wrong, popular)))
    return table


def scoreboard_json(board: Sequence[ScoreRow], weeks: Weeks) -> list[dict[str, Any]]:
    """One plain object per row; NaN becomes null."""
    return [
        {
            "week": weeks.start(row.week).isoformat(),
            "group": row.group,
            "model": row.model,
            **asdict(row.counts),
            "tpr": null_if_nan(row.counts.tpr),
            "tnr": null_if_nan(row.counts.tnr),
            "precision": null_if_nan(row.counts.precision),
            "auc": null_if_nan(row.auc),
            "average_precision": null_if_nan(row.average_precision),
        }
        for row in board
    ]


def null_if_nan(value: float) -> float | None:
    """NaN as JSON and databases write it."""
    return None if math.isnan(value) else value


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """One model in one tier over all stored weeks; shares are NaN where there is nothing to divide by.

    ``f1_by_week`` has NaN where a week has none.
    """

    tier: str
    model: str
    tpr: float
    tnr: float
    precision: float
    f1: float
    popular: int
    f1_by_week: list[float]


def summary_lines(scores: Sequence[Score]) -> list[SummaryLine]:
    """All datasets first, then new ones, then tier by tier; models in the order of their F1, best first."""
    tiers = sorted({score.tier for score in scores}, key=lambda tier: (tier != ALL, tier != NEW, tier))
    weeks = sorted({score.week for score in scores})
    board = []
    for tier in tiers:
        tier_scores = [score for score in scores if score.tier == tier]
        models = sorted({score.model for score in tier_scores})
        lines = [
            _summary_line(tier, model, [score for score in tier_scores if score.model == model], weeks)
            for model in models
        ]
        board += sorted(lines, key=lambda line: -1.0 if math.isnan(line.f1) else line.f1, reverse=True)
    return board


def _summary_line(tier: str, model: str, scores: Sequence[Score], weeks: Sequence[str]) -> SummaryLine:
    counts = sum((_counts(score) for score in scores), start=Counts(0, 0, 0, 0))
    popular = counts.true_positives + counts.false_negatives
    by_week = {score.week: _counts(score).f1 for score in scores}
    f1_by_week = [by_week.get(week, math.nan) for week in weeks]
    return SummaryLine(tier, model, counts.tpr, counts.tnr, counts.precision, counts.f1, popular, f1_by_week)


def _counts(score: Score) -> Counts:
    return Counts(score.true_positives, score.false_positives, score.false_negatives, score.true_negatives)
