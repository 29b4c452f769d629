"""Training a model and forecasting a week: what will be popular, how certain that is, and which model says so."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from opint.popularity.calibration import fit_platt, is_unsure
from opint.popularity.errors import PopularityError
from opint.popularity.examples import WARM_UP_WEEKS
from opint.popularity.models import Train
from opint.popularity.predictors import (
    PERSISTENCE,
    ColdStartModel,
    ForecastTask,
    RetrainedModel,
    fit,
    is_new,
    persistence,
    predict,
)
from opint.popularity.trained_model import TrainedModel
from streams.arrays import Float64, Indices, Mask

CALIBRATION_WEEKS = 12
"""Newest weeks whose forecasts calibrate the probabilities."""
CONFIDENCE = 0.8
RETRAIN_WEEKS = 4
"""Weeks between two trainings during calibration."""
Answer = Literal["yes", "no", "unsure"]


@dataclass(frozen=True, eq=False)
class Forecast:
    """The ``probability`` (n,) that each dataset known at the end of ``issue_week`` is popular in ``week``.

    ``new`` marks datasets with hardly any history, ``abstained`` those for which neither yes nor no is certain enough;
    ``model`` names the model that forecast each.
    """

    issue_week: int
    week: int
    dataset: Indices
    probability: Float64
    new: Mask
    abstained: Mask
    model: tuple[str, ...]

    def answer(self, row: int) -> Answer:
        """Yes, no or unsure."""
        if self.abstained[row]:
            return "unsure"
        return "yes" if self.probability[row] >= 0.5 else "no"


def train_model(
    task: ForecastTask,
    week: int,
    model: str,
    train: Train,
    seed: int,
    progress: Callable[[float], None] = lambda _: None,
) -> TrainedModel:
    """Train at the end of ``week`` (``model`` is the name of ``train``), and calibrate on the weeks before.

    For these the model is trained every :data:`RETRAIN_WEEKS` weeks on what was known by then. ``progress`` is called
    with the share done.

    Raises:
        PopularityError: there are too few weeks, or nothing or everything was popular in them.
        LeakError: a feature contains the future.
    """
    history, horizon = task.history, task.horizon
    predictor = ColdStartModel(RetrainedModel(train, seed, RETRAIN_WEEKS))
    popular = task.label.holds(history.measures[task.label.measure])
    last = week - horizon
    weeks = range(max(WARM_UP_WEEKS + horizon, last - CALIBRATION_WEEKS + 1), last + 1)
    probabilities, outcomes = [np.empty(0)], [np.empty(0, dtype=np.bool_)]
    for earlier in weeks:
        dataset, probability = predictor(task, earlier)
        probabilities.append(probability)
        outcomes.append(popular[dataset, earlier + horizon])
        progress((len(probabilities) - 1) / (len(weeks) + 1))
    forecaster = fit(task, week, train, seed)
    progress(1.0)
    return TrainedModel(
        model,
        task.label,
        horizon,
        seed,
        history.weeks.start(week),
        tuple(task.columns),
        task.conferences,
        fit_platt(np.concatenate(probabilities), np.concatenate(outcomes)),
        forecaster,
    )


def forecast(
    task: ForecastTask, week: int, trained: TrainedModel, confidence: float, demoted: Mask | None = None
) -> Forecast:
    """The forecast of the ``trained`` model at the end of ``week``; ``task`` must be the task it was trained for.

    For ``demoted`` datasets (n,) persistence forecasts: what was popular stays so, with probability 1.

    Raises:
        PopularityError: the model was trained for another task, or on weeks after this one.
    """
    _check_trained_for(task, week, trained)
    dataset, raw = ColdStartModel(partial(predict, trained.forecaster))(task, week)
    existing = np.flatnonzero(task.history.exists[:, week])
    probability = np.zeros(task.history.shape[0])
    probability[dataset] = trained.calibration(raw)
    stays = np.zeros(len(existing), dtype=np.bool_) if demoted is None else demoted[existing]
    rows, was = persistence(task, week)
    probability[rows[stays]] = was[stays]
    return Forecast(
        week,
        week + task.horizon,
        existing,
        probability[existing],
        is_new(task.history, week)[existing],
        is_unsure(probability[existing], confidence),
        tuple(PERSISTENCE if by_persistence else trained.model for by_persistence in stays),
    )


def _check_trained_for(task: ForecastTask, week: int, trained: TrainedModel) -> None:
    """Raise PopularityError if the model was trained for another task or on later weeks."""
    other = sorted(set(trained.columns) ^ set(task.columns))
    if other:
        raise PopularityError(f"the model was trained on a table of another kind: {other[0]} is in only one of them")
    newest = task.history.weeks.start(week)
    if trained.newest > newest:
        raise PopularityError(
            f"the model was trained up to the week of {trained.newest}, and the table ends with that of {newest}: "
            "it has seen the weeks that it would forecast; train it on this table"
        )
