"""What is forecast, and predictors of it: a model that is retrained from time to time, and two baselines.

At the end of week t a model has seen labels of weeks up to t and features of weeks up to t - h, and forecasts week t +
h. A model that does not beat the baselines is not used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial

import numpy as np

from opint.popularity.examples import (
    TRAINING_WEEKS,
    check_available,
    check_both_classes,
    check_leakage,
    gather,
    informative_rows,
    labels,
    training_weeks,
)
from opint.popularity.features import features
from opint.popularity.features.relatives import totals
from opint.popularity.history import History
from opint.popularity.label import Label
from opint.popularity.models import Forecaster, Train
from streams.arrays import Float32, Float64, Indices

PERSISTENCE = "persistence"
"""Name of the baseline that repeats the last week."""


@dataclass(frozen=True, eq=False)
class ForecastTask:
    """What to forecast: ``label`` of a history, ``horizon`` weeks ahead, from features ``columns`` (n, T).

    ``conferences`` are the first days that went into the features.
    """

    history: History
    columns: Mapping[str, Float32]
    label: Label
    horizon: int = 1
    conferences: tuple[date, ...] = ()

    @classmethod
    def of(cls, history: History, label: Label, horizon: int = 1, conferences: tuple[date, ...] = ()) -> "ForecastTask":
        """The task with all features; raises PopularityError if the history lacks the measure of the label."""
        label.require(history)
        columns = features(history, label, totals(history, label), conferences)
        return cls(history, columns, label, horizon, conferences)


Predictor = Callable[[ForecastTask, int], tuple[Indices, Float64]]
"""Datasets and their probabilities as forecast at the end of a week; datasets left out have probability 0."""


@dataclass
class RetrainedModel:
    """A model that is retrained every ``every`` weeks on the weeks before, at most ``most_weeks``."""

    train: Train
    seed: int
    every: int = 1
    most_weeks: int = TRAINING_WEEKS
    _model: Forecaster | None = field(default=None, init=False)
    _trained: int = field(default=-1, init=False)

    def __call__(self, task: ForecastTask, week: int) -> tuple[Indices, Float64]:
        """Retrain if it is time, then forecast as :func:`predict` does."""
        if self._model is None or week - self._trained >= self.every:
            self._model, self._trained = fit(task, week, self.train, self.seed, self.most_weeks), week
        return predict(self._model, task, week)


def predict(model: Forecaster, task: ForecastTask, week: int) -> tuple[Indices, Float64]:
    """The forecast of a trained model for datasets that have been read or have informative names."""
    table = informative_rows(gather(task.columns, task.history, [week]), task.history)
    return table.dataset, model.probabilities(table.values)


def fit(task: ForecastTask, week: int, train: Train, seed: int, most_weeks: int = TRAINING_WEEKS) -> Forecaster:
    """Train on what is known at the end of ``week``.

    Raises:
        PopularityError: there are too few weeks, or nothing or everything was popular in them.
        LeakError: a feature contains the future.
    """
    weeks = training_weeks(week, task.horizon, most_weeks)
    table = informative_rows(gather(task.columns, task.history, weeks), task.history)
    check_available(table)
    popular = labels(table, task.history, task.label, task.horizon)
    check_both_classes(int(popular.sum()), len(popular), weeks, task.label)
    check_leakage(table, popular)
    return train(table.values, popular, seed)


def recent_share(task: ForecastTask, week: int, *, weeks: int) -> tuple[Indices, Float64]:
    """The share of popular weeks among the last ``weeks``, for all datasets known at the end of ``week``."""
    history, label = task.history, task.label
    rows = np.flatnonzero(history.exists[:, week])
    recent = history.measures[label.measure][rows, max(0, week + 1 - weeks) : week + 1]
    return rows, label.holds(recent).sum(axis=1) / weeks


persistence = partial(recent_share, weeks=1)
"""What was popular in the last week stays popular: probabilities 1 and 0."""
