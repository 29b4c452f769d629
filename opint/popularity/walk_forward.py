"""Walk-forward evaluation: learn from the past, forecast a later week, wait for its outcome, go on.

The threshold between yes and no is the one that was best for the forecasts whose outcome is known by then.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from opint.popularity.calibration import OUTCOME_WEEKS, CalibratedModel
from opint.popularity.errors import PopularityError
from opint.popularity.examples import WARM_UP_WEEKS
from opint.popularity.models import Train
from opint.popularity.predictors import (
    PERSISTENCE,
    ColdStartModel,
    ForecastTask,
    Predictor,
    RetrainedModel,
    persistence,
    recent_share,
)
from streams.arrays import Float64, Indices, Mask

THRESHOLDS = np.linspace(0.05, 0.95, 91)
DEFAULT_THRESHOLD = 0.5
"""The threshold before any outcome is known."""
RECENT_SHARE = "last 4 weeks"
BASELINES = (PERSISTENCE, RECENT_SHARE)


def best_f1_threshold(probability: Float64, popular: Mask) -> float:
    """The threshold of :data:`THRESHOLDS` with the largest F1 of past forecasts; the middle one of equals."""
    if not popular.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(probability)
    hits = np.cumsum(popular[order][::-1])[::-1]
    above = np.searchsorted(probability[order], THRESHOLDS, side="right")
    inside = above < len(order)
    hits_above = np.where(inside, hits[np.minimum(above, len(order) - 1)], 0)
    f1 = 2 * hits_above / (len(order) - above + popular.sum())
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(THRESHOLDS[best[len(best) // 2]])


@dataclass(frozen=True, eq=False)
class WeekForecast:
    """The forecast for one week, and its outcome.

    ``dataset`` (r,) are the rows of all datasets known when it was made, ``probability`` and ``forecast`` (r,) the
    forecast at the end of week ``issue_week``, ``popular`` (r,) the outcome in ``week``.
    """

    issue_week: int
    week: int
    dataset: Indices
    probability: Float64
    forecast: Mask
    popular: Mask
    threshold: float


def walk_forward(task: ForecastTask, predictor: Predictor, targets: Sequence[int]) -> Iterator[WeekForecast]:
    """Forecast each of the ``targets`` (consecutive weeks, in order) ``horizon`` weeks before."""
    popular = task.label.holds(task.history.measures[task.label.measure])
    past: list[WeekForecast] = []
    for week in targets:
        issue_week = week - task.horizon
        dataset = np.flatnonzero(task.history.exists[:, issue_week])
        all_probabilities = np.zeros(task.history.shape[0])
        predicted, probabilities = predictor(task, issue_week)
        all_probabilities[predicted] = probabilities
        probability = all_probabilities[dataset]
        with_outcome = [forecast for forecast in past if forecast.week <= issue_week][-OUTCOME_WEEKS:]
        threshold = _threshold(with_outcome)
        past.append(
            WeekForecast(
                issue_week, week, dataset, probability, probability > threshold, popular[dataset, week], threshold
            )
        )
        yield past[-1]


def _threshold(past: Sequence[WeekForecast]) -> float:
    if not past:
        return DEFAULT_THRESHOLD
    probability = np.concatenate([forecast.probability for forecast in past])
    return best_f1_threshold(probability, np.concatenate([forecast.popular for forecast in past]))


def backtest(
    task: ForecastTask,
    model: str,
    train: Train,
    weeks: int,
    every: int,
    seed: int,
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, list[WeekForecast]]:
    """Forecasts of the newest ``weeks`` by model and baselines; ``progress`` is called with the share done.

    Raises PopularityError if the table is too short.
    """
    last = task.history.shape[1]
    least = WARM_UP_WEEKS + 2 * task.horizon + 1
    if last - weeks < least:
        raise PopularityError(f"the table has {last} weeks: at most {max(0, last - least)} of them can be forecast")
    predictors: dict[str, Predictor] = {
        model: CalibratedModel(ColdStartModel(RetrainedModel(train, seed, every))),
        PERSISTENCE: persistence,
        RECENT_SHARE: partial(recent_share, weeks=4),
    }
    forecasts: dict[str, list[WeekForecast]] = {name: [] for name in predictors}
    for name, predictor in predictors.items():
        for forecast in walk_forward(task, predictor, range(last - weeks, last)):
            forecasts[name].append(forecast)
            progress(sum(map(len, forecasts.values())) / len(predictors) / weeks)
    return forecasts
