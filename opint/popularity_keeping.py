"""Forecasts, scoreboards and standings go into the store; a tier that is lost raises an incident."""

from collections.abc import Mapping, Sequence

import numpy as np

from opint.incidents import operational as troubles
from opint.incidents.families import FAMILIES, POPULARITY_DRIFT, IncidentKey
from opint.incidents.operational import OperationalFault
from opint.popularity.history import History
from opint.popularity.next_week import Forecast
from opint.popularity.readers.batch_forecast import BatchForecast
from opint.popularity.scoreboard import Row
from opint.popularity.standing import PERSISTENCE, Standing
from opint.store import popularity
from opint.store.engine import Store
from opint.store.popularity import ForecastKey, Score, StoredForecast, StoredStanding


def keep_scoreboard(
    store: Store, asked: ForecastKey, history: History, board: Sequence[Row], found: Sequence[Standing], now_s: float
) -> None:
    """Store scores and standings; open an incident for each tier lost, and end those of tiers regained."""
    scores = [
        Score(
            history.weeks.start(one.week).isoformat(),
            one.group,
            one.model,
            one.counts.true_positives,
            one.counts.false_positives,
            one.counts.false_negatives,
            one.counts.true_negatives,
            _known(one.auc),
            _known(one.average_precision),
        )
        for one in board
    ]
    with store.begin() as tx:
        popularity.keep_scores(tx, asked, scores, now_s)
        popularity.keep_standings(tx, asked, [StoredStanding(one.tier, one.model, one.reason) for one in found], now_s)
        for one in found:
            labels = IncidentKey(asked.catalogue, "", POPULARITY_DRIFT, one.tier)
            if one.demoted:
                title = f"Popularity of {one.tier} in {asked.catalogue}: forecasts have fallen behind persistence"
                advice = f"{one.reason}. {FAMILIES[POPULARITY_DRIFT].advice}"
                troubles.open_fault(tx, OperationalFault(labels, title, advice, "warning"), now_s)
            else:
                troubles.clear_fault(tx, labels, f"{one.model} forecasts: {one.reason}", now_s)


def keep_forecast(store: Store, asked: ForecastKey, history: History, found: Forecast, now_s: float) -> None:
    """Store the forecast of a week, in place of an earlier one of the same week."""
    rows = [
        StoredForecast(
            history.names[dataset],
            float(found.probability[row]),
            found.answer(row),
            bool(found.new[row]),
            found.model[row],
        )
        for row, dataset in enumerate(found.dataset)
    ]
    with store.begin() as tx:
        popularity.keep_forecast(tx, asked, history.weeks.start(found.week).isoformat(), rows, now_s)


def keep_batch(store: Store, catalogue: str, found: BatchForecast, now_s: float) -> int:
    """Store the forecast of a batch job; for how many datasets persistence speaks, since the model lost their tiers."""
    asked = ForecastKey(catalogue, str(found.label), found.horizon)
    with store.begin() as tx:
        stands = popularity.model_by_tier(tx, asked)
        lost = _lost(found.tier, stands)
        rows = [
            StoredForecast(
                dataset,
                float(found.was[row]) if lost[row] else float(found.probability[row]),
                "yes" if (found.was if lost[row] else found.forecast)[row] else "no",
                bool(found.new[row]),
                PERSISTENCE if lost[row] else found.model,
            )
            for row, dataset in enumerate(found.dataset)
        ]
        popularity.keep_forecast(tx, asked, found.week.isoformat(), rows, now_s)
    return int(lost.sum())


def fallen_back(history: History, standings: Mapping[str, str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Datasets (n,) of tiers for which persistence stands; a tier that was never judged goes with all others."""
    return _lost(history.traits.get("tier", ("",) * history.shape[0]), standings)


def _lost(tiers: Sequence[str], standings: Mapping[str, str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    models = {tier: standings.get(tier, standings.get("", "")) for tier in set(tiers)}
    return np.array([models[tier] == PERSISTENCE for tier in tiers], dtype=np.bool_)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
