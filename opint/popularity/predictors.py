"""What is forecast, and predictors of it: a model that is retrained from time to time, two baselines, and new datasets.

At the end of week t a model has seen labels of weeks up to t and features of weeks up to t - h, and forecasts week t +
h. A model that does not beat the baselines is not used.

Datasets with little or no history are judged by their names: how popular other new datasets of their kind became.
Shares are computed from the widest kind to the narrowest: all new datasets, then those of the data tier, of a campaign
in that tier, and of a primary dataset in that tier. Each share is shrunk towards the wider one with the weight of
:data:`PRIOR_EXAMPLES` examples (the mean of a beta distribution with that prior), so that a kind with few examples
changes little.
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
from opint.popularity.features import features, totals
from opint.popularity.history import History, Label, codes
from opint.popularity.models import Forecaster, Train
from streams.arrays import Float32, Float64, Indices, Mask

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


NEW_WEEKS = 4
"""A dataset is new in its first four weeks."""
LOOK_BACK_WEEKS = 52
PRIOR_EXAMPLES = 20.0


@dataclass(frozen=True)
class ColdStartModel:
    """The probabilities of ``predictor``; for new datasets, the geometric mean of its odds and those of their kind."""

    predictor: Predictor

    def __call__(self, task: ForecastTask, week: int) -> tuple[Indices, Float64]:
        """As :data:`opint.popularity.predictors.Predictor`."""
        dataset, probability = self.predictor(task, week)
        fresh = is_new(task.history, week)[dataset]
        if not task.history.traits or not fresh.any():
            return dataset, probability
        prior = name_prior(task, week)[dataset[fresh]]
        clipped = np.clip(probability[fresh], 1e-6, 1 - 1e-6)
        odds = np.sqrt(clipped / (1 - clipped) * prior / (1 - prior))
        mixed = probability.copy()
        mixed[fresh] = odds / (1 + odds)
        return dataset, mixed


def is_new(history: History, week: int) -> Mask:
    """Which datasets (n,) have been known for less than :data:`NEW_WEEKS` at the end of ``week``."""
    age = week - history.known_since
    fresh: Mask = (age >= 0) & (age < NEW_WEEKS)
    return fresh


def name_prior(task: ForecastTask, week: int) -> Float64:
    """Probability (n,) that a new dataset is popular one horizon later, from its name and the weeks up to ``week``."""
    history, horizon = task.history, task.horizon
    outcomes = task.label.holds(history.measures[task.label.measure])
    n, counts, hits = history.shape[0], np.zeros(history.shape[0]), np.zeros(history.shape[0])
    for past in range(max(0, week - horizon - LOOK_BACK_WEEKS), week - horizon + 1):
        fresh = is_new(history, past)
        counts += fresh
        hits += fresh & outcomes[:, past + horizon]
    share = np.full(n, (hits.sum() + 1.0) / (counts.sum() + 2.0))
    tiers = history.traits.get("tier", ("",) * n)
    for kind in ("tier", "campaign", "primary"):
        if kind in history.traits:
            labels = tiers if kind == "tier" else [f"{a} {b}" for a, b in zip(tiers, history.traits[kind], strict=True)]
            place, _ = codes(labels)
            examples, popular = np.bincount(place, counts), np.bincount(place, hits)
            share = (popular[place] + PRIOR_EXAMPLES * share) / (examples[place] + PRIOR_EXAMPLES)
    return share
