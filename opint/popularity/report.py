"""Scoreboards and forecasts in a terminal, and as plain data."""

import math
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from opint.popularity.history import History
from opint.popularity.metrics import Counts
from opint.popularity.next_week import Forecast
from opint.popularity.scoreboard import Row, summed
from opint.popularity.weeks import Weeks


def scoreboard_table(board: Sequence[Row]) -> Table:
    """All weeks together: a row for each group and model."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("group", "model"):
        table.add_column(name, no_wrap=True)
    for name in ("TPR", "TNR", "precision", "F1", "false +", "false −", "popular"):
        table.add_column(name, justify="right")
    for group in dict.fromkeys(one.group for one in board):
        for model in dict.fromkeys(one.model for one in board):
            counts = summed(board, group, model)
            shares = (counts.tpr, counts.tnr, counts.precision, counts.f1)
            wrong = counts.false_positives, counts.false_negatives
            popular = counts.true_positives + counts.false_negatives
            table.add_row(group, model, *map(_share, shares), *(f"{one:,}" for one in (*wrong, popular)))
    return table


def forecast_table(history: History, forecast: Forecast, most: int) -> Table:
    """The datasets that are most likely to be popular, at most so many."""
    table = Table("dataset", "probability", "popular?", "", box=None)
    for row in forecast.probability.argsort()[::-1][:most]:
        name = history.names[forecast.dataset[row]]
        table.add_row(
            name, f"{forecast.probability[row]:.3f}", forecast.answer(int(row)), "new" if forecast.new[row] else ""
        )
    return table


def scoreboard_json(board: Sequence[Row], weeks: Weeks) -> list[dict[str, Any]]:
    """A plain object a row; what is not known is null."""
    return [
        {
            "week": weeks.start(row.week).isoformat(),
            "group": row.group,
            "model": row.model,
            **_counted(row.counts),
            "auc": _known(row.auc),
            "average_precision": _known(row.average_precision),
        }
        for row in board
    ]


def _counted(counts: Counts) -> dict[str, Any]:
    return {
        "true_positives": counts.true_positives,
        "false_positives": counts.false_positives,
        "false_negatives": counts.false_negatives,
        "true_negatives": counts.true_negatives,
        "tpr": _known(counts.tpr),
        "tnr": _known(counts.tnr),
        "precision": _known(counts.precision),
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
