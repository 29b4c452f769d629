"""How each model fared, week by week and tier by tier, beside what needs no model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opint.popularity.cold_start import is_new
from opint.popularity.history import History
from opint.popularity.metrics import ALL, NEW, Counts, average_precision, roc_auc
from opint.popularity.rolling import Flags, WeekForecast

"""Groups beside the tiers: all datasets, and those that were new when the forecast was made."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model in one week and group; areas are NaN where nothing, or everything, was popular."""

    week: int
    group: str
    model: str
    counts: Counts
    auc: float
    average_precision: float


def rows(history: History, forecasts: Mapping[str, Sequence[WeekForecast]]) -> Iterator[Row]:
    """All rows of the forecasts by model: first of all datasets, then of new ones, then by tier."""
    tiers = np.array(history.traits.get("tier", ("",) * history.shape[0]))
    for model, weeks in forecasts.items():
        for forecast in weeks:
            fresh = is_new(history, forecast.made)[forecast.dataset]
            yield _row(forecast, model, ALL, np.ones(len(forecast.dataset), dtype=np.bool_))
            yield _row(forecast, model, NEW, fresh)
            tier_of = tiers[forecast.dataset]
            for tier in np.unique(tier_of):
                if tier:
                    yield _row(forecast, model, str(tier), tier_of == tier)


def summed(board: Sequence[Row], group: str, model: str) -> Counts:
    """Hits and misses of a model over all weeks of a group."""
    counts = [row.counts for row in board if (row.group, row.model) == (group, model)]
    return sum(counts, start=Counts(0, 0, 0, 0))


def _row(one: WeekForecast, model: str, group: str, which: Flags) -> Row:
    forecast, popular, probability = one.forecast[which], one.popular[which], one.probability[which]
    areas = roc_auc(probability, popular), average_precision(probability, popular)
    return Row(one.week, group, model, Counts.of(forecast, popular), *areas)
