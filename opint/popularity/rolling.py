"""The rolling protocol: learn from what was known, forecast a later week, wait for it, go on.

At the end of week t a model has seen labels of weeks up to t and features of weeks up to t - h, and forecasts week
t + h. The threshold between yes and no is the one that was best for the forecasts that have come true by then.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt

from opint.popularity.errors import PopularityError
from opint.popularity.examples import FeatureTable, check_honest, check_known, gather, labels
from opint.popularity.features import features
from opint.popularity.history import Float32, Float64, History
from opint.popularity.label import Label
from opint.popularity.models import Forecaster, Train
from opint.popularity.threshold import UNTRIED, best_f1
from opint.popularity.totals import totals

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

WARM_UP_WEEKS = 4
"""The first weeks of a table have no past: nothing is learned from them."""
TRAINING_WEEKS = 104
"""Of examples at most, the newest."""
REMEMBERED_WEEKS = 52
"""Forecasts come true within this time are what the threshold is chosen by."""


@dataclass(frozen=True, eq=False)
class WeekForecast:
    """What was forecast for one week, and what came.

    ``dataset`` (r,) are the rows of all datasets known when it was made, ``probability`` and ``forecast`` (r,)
    what was said at the end of week ``made``, ``popular`` (r,) what ``week`` brought.
    """

    made: int
    week: int
    dataset: Places
    probability: Float64
    forecast: Flags
    popular: Flags
    threshold: float


@dataclass(frozen=True, eq=False)
class Question:
    """What is forecast: ``label`` of a history ``horizon`` weeks ahead, from ``columns`` (n, T).

    ``conferences`` (first days) are those that the columns know of.
    """

    history: History
    columns: Mapping[str, Float32]
    label: Label
    horizon: int = 1
    conferences: tuple[date, ...] = ()

    @classmethod
    def of(cls, history: History, label: Label, horizon: int = 1, conferences: tuple[date, ...] = ()) -> "Question":
        """With all features; raises PopularityError if the history lacks what the label looks at."""
        label.require(history)
        columns = features(history, label, totals(history, label), conferences)
        return cls(history, columns, label, horizon, conferences)


Score = Callable[[Question, int], tuple[Places, Float64]]
"""Datasets and their probabilities as forecast at the end of a week; of those left out nothing is expected."""


@dataclass
class Learned:
    """Scores by a model that is trained anew every ``every`` weeks on all weeks before, at most ``most_weeks``."""

    train: Train
    seed: int
    every: int = 1
    most_weeks: int = TRAINING_WEEKS
    _model: Forecaster | None = field(default=None, init=False)
    _trained: int = field(default=-1, init=False)

    def __call__(self, question: Question, week: int) -> tuple[Places, Float64]:
        """Train if it is time, then forecast as :func:`scored` does."""
        if self._model is None or week - self._trained >= self.every:
            self._model, self._trained = fit(question, week, self.train, self.seed, self.most_weeks), week
        return scored(self._model, question, week)


def scored(model: Forecaster, question: Question, week: int) -> tuple[Places, Float64]:
    """By a trained model, datasets that somebody has read or whose names tell something, and their probabilities."""
    table = telling(gather(question.columns, question.history, [week]), question.history)
    return table.dataset, model.probabilities(table.values)


def fit(question: Question, week: int, train: Train, seed: int, most_weeks: int = TRAINING_WEEKS) -> Forecaster:
    """Train on what is known at the end of ``week``.

    Raises:
        PopularityError: there are too few weeks, or nothing or everything was popular in them.
        LeakError: a feature tells the future.
    """
    weeks = training_weeks(week, question.horizon, most_weeks)
    table = telling(gather(question.columns, question.history, weeks), question.history)
    check_known(table)
    popular = labels(table, question.history, question.label, question.horizon)
    check_both(int(popular.sum()), len(popular), weeks, question.label)
    check_honest(table, popular)
    return train(table.values, popular, seed)


def training_weeks(week: int, horizon: int, most_weeks: int) -> range:
    """The weeks at whose ends examples are taken for a training at the end of ``week``, the newest of them.

    Raises:
        PopularityError: there is none.
    """
    last = week - horizon
    first = max(WARM_UP_WEEKS, last + 1 - most_weeks)
    if last < first:
        least = WARM_UP_WEEKS + horizon + 1
        raise PopularityError(f"{week + 1} weeks are known; training needs at least {least}")
    return range(first, last + 1)


def check_both(popular: int, examples: int, weeks: range, label: Label) -> None:
    """Raise PopularityError unless some of the ``examples`` of these weeks are popular, and some are not."""
    if popular in (0, examples):
        kind = "each" if popular == examples > 0 else "none"
        raise PopularityError(f"{kind} of {examples} examples of {len(weeks)} weeks has {label}: nothing to learn")


def telling(table: FeatureTable, history: History) -> FeatureTable:
    """The rows of datasets that had been read by then, or whose names say something of them."""
    if history.traits:
        return table
    ever = np.cumsum(history.measures["naccess"] > 0, axis=1)
    return table.only(ever[table.dataset, table.week] > 0)


def roll(question: Question, score: Score, targets: Sequence[int]) -> Iterator[WeekForecast]:
    """Forecast each of the ``targets`` (consecutive weeks, in order) when its time has come."""
    popular = question.label.holds(question.history.measures[question.label.measure])
    past: list[WeekForecast] = []
    for week in targets:
        made = week - question.horizon
        dataset = np.flatnonzero(question.history.exists[:, made])
        all_probabilities = np.zeros(question.history.shape[0])
        predicted, probabilities = score(question, made)
        all_probabilities[predicted] = probabilities
        probability = all_probabilities[dataset]
        true_by_now = [forecast for forecast in past if forecast.week <= made][-REMEMBERED_WEEKS:]
        threshold = _threshold(true_by_now)
        past.append(
            WeekForecast(made, week, dataset, probability, probability > threshold, popular[dataset, week], threshold)
        )
        yield past[-1]


def _threshold(past: Sequence[WeekForecast]) -> float:
    if not past:
        return UNTRIED
    probability = np.concatenate([forecast.probability for forecast in past])
    return best_f1(probability, np.concatenate([forecast.popular for forecast in past]))
