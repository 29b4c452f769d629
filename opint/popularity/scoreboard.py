"""How each model did, week by week and tier by tier, beside the baselines: as records, a table and JSON."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.table import Table

from opint.popularity.history import History, Weeks
from opint.popularity.metrics import ALL, NEW, ConfusionCounts, average_precision, roc_auc
from opint.popularity.predictors import is_new
from opint.popularity.walk_forward import WeekForecast
from streams.arrays import Mask


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The score of one model in one week and group; areas are NaN where nothing, or everything, was popular."""

    week: int
    group: str
    model: str
    counts: ConfusionCounts
    auc: float
    average_precision: float


def score_rows(history: History, forecasts: Mapping[str, Sequence[WeekForecast]]) -> Iterator[ScoreRow]:
    """The rows of all forecasts by model: all datasets first, then new datasets, then each tier."""
    tiers = np.array(history.traits.get("tier", ("",) * history.shape[0]))
    for model, weeks in forecasts.items():
        for forecast in weeks:
            fresh = is_new(history, forecast.issue_week)[forecast.dataset]
            yield _score_row(forecast, model, ALL, np.ones(len(forecast.dataset), dtype=np.bool_))
            yield _score_row(forecast, model, NEW, fresh)
            tier_of = tiers[forecast.dataset]
            for tier in np.unique(tier_of):
                if tier:
                    yield _score_row(forecast, model, str(tier), tier_of == tier)


def total_counts(board: Sequence[ScoreRow], group: str, model: str) -> ConfusionCounts:
    """Hits and misses of a model over all weeks of a group."""
    counts = [row.counts for row in board if (row.group, row.model) == (group, model)]
    return sum(counts, start=ConfusionCounts(0, 0, 0, 0))


def _score_row(forecast: WeekForecast, model: str, group: str, rows: Mask) -> ScoreRow:
    popular, probability = forecast.popular[rows], forecast.probability[rows]
    areas = roc_auc(probability, popular), average_precision(probability, popular)
    return ScoreRow(forecast.week, group, model, ConfusionCounts.of(forecast.forecast[rows], popular), *areas)


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
