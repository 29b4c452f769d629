"""Forecasts, scoreboards and standings go into the store; a tier that is lost raises an incident."""

from collections.abc import Mapping, Sequence

import numpy as np

from opint.alerts import standing as troubles
from opint.alerts.labels import Labels
from opint.alerts.standing import Trouble
from opint.popularity.history import History
from opint.popularity.next_week import Forecast
from opint.popularity.readers.batch_forecast import BatchForecast
from opint.popularity.scoreboard import Row
from opint.popularity.standing import PERSISTENCE, Standing
from opint.store import popularity
from opint.store.engine import Store
from opint.store.popularity import Asked, StoredForecast, StoredScore, StoredStanding

FAMILY = "popularity-drift"
_ADVICE = (
    "Until a scoreboard in which the model has recovered, forecasts of this tier are those of persistence: what was "
    "popular stays so. Look at the tier on the page Popularity: was it introduced or given up, or has its use changed?"
)


def keep_scoreboard(
    store: Store, key: Asked, history: History, board: Sequence[Row], standings: Sequence[Standing], now_s: float
) -> None:
    """Store scores and standings; open an incident for each tier lost, and end those of tiers regained."""
    scores = [
        StoredScore(
            history.weeks.start(row.week).isoformat(),
            row.group,
            row.model,
            row.counts.true_positives,
            row.counts.false_positives,
            row.counts.false_negatives,
            row.counts.true_negatives,
            _known(row.auc),
            _known(row.average_precision),
        )
        for row in board
    ]
    with store.begin() as tx:
        popularity.keep_scores(tx, key, scores, now_s)
        popularity.keep_standings(
            tx, key, [StoredStanding(row.tier, row.model, row.reason) for row in standings], now_s
        )
        for row in standings:
            labels = Labels(key.catalogue, "", FAMILY, row.tier)
            if row.demoted:
                title = f"Popularity of {row.tier} in {key.catalogue}: forecasts have fallen behind persistence"
                troubles.begin(tx, Trouble(labels, title, f"{row.reason}. {_ADVICE}", "warning"), now_s)
            else:
                troubles.end(tx, labels, f"{row.model} forecasts: {row.reason}", now_s)


def keep_forecast(store: Store, key: Asked, history: History, forecast: Forecast, now_s: float) -> None:
    """Store the forecast of a week, in place of an earlier one of the same week."""
    rows = [
        StoredForecast(
            history.names[dataset],
            float(forecast.probability[row]),
            forecast.answer(row),
            bool(forecast.new[row]),
            forecast.model[row],
        )
        for row, dataset in enumerate(forecast.dataset)
    ]
    with store.begin() as tx:
        popularity.keep_forecast(tx, key, history.weeks.start(forecast.week).isoformat(), rows, now_s)


def keep_batch(store: Store, catalogue: str, forecast: BatchForecast, now_s: float) -> int:
    """Store the forecast of a batch job; for how many datasets persistence speaks, since the model lost their tiers."""
    key = Asked(catalogue, str(forecast.label), forecast.horizon)
    with store.begin() as tx:
        standings = popularity.standings(tx, key)
        fallen = _lost(forecast.tier, standings)
        rows = [
            StoredForecast(
                dataset,
                float(forecast.was[row]) if fallen[row] else float(forecast.probability[row]),
                "yes" if (forecast.was if fallen[row] else forecast.forecast)[row] else "no",
                bool(forecast.new[row]),
                PERSISTENCE if fallen[row] else forecast.model,
            )
            for row, dataset in enumerate(forecast.dataset)
        ]
        popularity.keep_forecast(tx, key, forecast.week.isoformat(), rows, now_s)
    return int(fallen.sum())


def fallen_back(history: History, standings: Mapping[str, str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Datasets (n,) of tiers for which persistence stands; a tier that was never judged goes with all others."""
    return _lost(history.traits.get("tier", ("",) * history.shape[0]), standings)


def _lost(tiers: Sequence[str], standings: Mapping[str, str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    models = {tier: standings.get(tier, standings.get("", "")) for tier in set(tiers)}
    return np.array([models[tier] == PERSISTENCE for tier in tiers], dtype=np.bool_)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
