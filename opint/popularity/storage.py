"""Storing forecasts, scoreboards and model choices; a tier whose model is demoted raises an incident."""

from collections.abc import Mapping, Sequence

import numpy as np

from opint.incidents import operational
from opint.incidents.families import FAMILIES, POPULARITY_DRIFT, IncidentKey
from opint.incidents.operational import OperationalFault
from opint.popularity.forecasting import Forecast
from opint.popularity.history import History
from opint.popularity.predictors import PERSISTENCE
from opint.popularity.promotion import ModelChoice
from opint.popularity.readers.batch_forecast import BatchForecast
from opint.popularity.scoreboard import ScoreRow, null_if_nan
from opint.store import popularity
from opint.store.engine import Store
from opint.store.popularity import ForecastKey, StoredForecast, StoredModelChoice, StoredScore
from streams.arrays import Mask


def store_scoreboard(
    store: Store,
    key: ForecastKey,
    history: History,
    board: Sequence[ScoreRow],
    choices: Sequence[ModelChoice],
    now_s: float,
) -> None:
    """Store scores and model choices; open an incident for each demoted tier, and end it when the tier recovers."""
    scores = [
        StoredScore(
            history.weeks.start(row.week).isoformat(),
            row.group,
            row.model,
            row.counts.true_positives,
            row.counts.false_positives,
            row.counts.false_negatives,
            row.counts.true_negatives,
            null_if_nan(row.auc),
            null_if_nan(row.average_precision),
        )
        for row in board
    ]
    with store.begin() as tx:
        popularity.keep_scores(tx, key, scores, now_s)
        popularity.store_model_choices(
            tx, key, [StoredModelChoice(choice.tier, choice.model, choice.reason) for choice in choices], now_s
        )
        for choice in choices:
            incident_key = IncidentKey(key.catalogue, "", POPULARITY_DRIFT, choice.tier)
            if choice.demoted:
                title = f"Popularity of {choice.tier} in {key.catalogue}: forecasts have fallen behind persistence"
                advice = f"{choice.reason}. {FAMILIES[POPULARITY_DRIFT].advice}"
                operational.open_fault(tx, OperationalFault(incident_key, title, advice, "warning"), now_s)
            else:
                operational.clear_fault(tx, incident_key, f"{choice.model} forecasts: {choice.reason}", now_s)


def store_forecast(store: Store, key: ForecastKey, history: History, forecast: Forecast, now_s: float) -> None:
    """Store the forecast of a week; it replaces an earlier forecast of the same week."""
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


def store_batch_forecast(store: Store, catalogue: str, forecast: BatchForecast, now_s: float) -> int:
    """Store the forecast of a batch job; returns how many datasets persistence forecasts instead, in demoted tiers."""
    key = ForecastKey(catalogue, str(forecast.label), forecast.horizon)
    with store.begin() as tx:
        model_choices = popularity.model_by_tier(tx, key)
        demoted = _is_demoted(forecast.tier, model_choices)
        rows = [
            StoredForecast(
                dataset,
                float(forecast.was[row]) if demoted[row] else float(forecast.probability[row]),
                "yes" if (forecast.was if demoted[row] else forecast.forecast)[row] else "no",
                bool(forecast.new[row]),
                PERSISTENCE if demoted[row] else forecast.model,
            )
            for row, dataset in enumerate(forecast.dataset)
        ]
        popularity.keep_forecast(tx, key, forecast.week.isoformat(), rows, now_s)
    return int(demoted.sum())


def demoted_datasets(history: History, model_choices: Mapping[str, str]) -> Mask:
    """Datasets (n,) that persistence forecasts; a tier without a choice of its own follows the choice for all."""
    return _is_demoted(history.traits.get("tier", ("",) * history.shape[0]), model_choices)


def _is_demoted(tiers: Sequence[str], model_choices: Mapping[str, str]) -> Mask:
    models = {tier: model_choices.get(tier, model_choices.get("", "")) for tier in set(tiers)}
    return np.array([models[tier] == PERSISTENCE for tier in tiers], dtype=np.bool_)
