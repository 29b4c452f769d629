"""Several forecasters on one history, by walk-forward evaluation: their forecasts, and how good they are."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from benchmarks.popularity.plain_forest import plain_forest
from benchmarks.report import Progress, Result
from opint.popularity.calibration import CalibratedModel
from opint.popularity.history import History, Label
from opint.popularity.metrics import ConfusionCounts
from opint.popularity.models import trainer
from opint.popularity.predictors import (
    ColdStartModel,
    ForecastTask,
    Predictor,
    RetrainedModel,
    persistence,
    recent_share,
)
from opint.popularity.promotion import WeeklyF1, Weights, bootstrap_interval
from opint.popularity.walk_forward import WeekForecast, walk_forward

LABEL = Label("naccess", ">", 10)
EVERY = 4
"""Weeks between two trainings."""
MOST_WEEKS = 104
"""Weeks that are learned from at most."""
OURS, FOREST, PLAIN, PERSISTENCE = "blend", "forest", "plain forest", "persistence"
MODELS = (PLAIN, FOREST, "boosting", "sgd", OURS)
WEEKS, QUICK_WEEKS = 50, 6
QUICK_SHARE = 6
"""The quick version forecasts one in this many datasets."""
Forecasts = Mapping[str, Sequence[WeekForecast]]


class WeeklyAveragePrecision:
    """Average precision of the forecasts of several weeks together; NaN if nothing was popular."""

    def __init__(self, weeks: Sequence[WeekForecast]) -> None:
        """Sort once, not for each draw."""
        probability = np.concatenate([forecast.probability for forecast in weeks])
        order = np.argsort(-probability, kind="stable")
        ordered = probability[order]
        self._last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        self._popular = np.concatenate([forecast.popular for forecast in weeks])[order]
        self._week = np.repeat(np.arange(len(weeks)), [len(forecast.dataset) for forecast in weeks])[order]

    def __call__(self, weights: Weights) -> float:
        """Average precision with each week counted as often as it was drawn."""
        drawn = weights[self._week].astype(np.float64)
        hits, forecasts = np.cumsum(drawn * self._popular)[self._last], np.cumsum(drawn)[self._last]
        if hits[-1] == 0:
            return float("nan")
        return float((np.diff(hits, prepend=0) * hits / np.maximum(forecasts, 1.0)).sum() / hits[-1])


def task_of(history: History, horizon: int = 1) -> ForecastTask:
    """What is asked: more than ten accesses in the week."""
    return ForecastTask.of(history, LABEL, horizon)


def forecasts(
    task: ForecastTask,
    weeks: Sequence[int],
    models: Sequence[str],
    seed: int,
    progress: Progress,
    most_weeks: int = MOST_WEEKS,
) -> dict[str, list[WeekForecast]]:
    """By name, the forecasts of models trained on at most ``most_weeks`` weeks, and of the baselines."""
    scores: dict[str, Callable[[], Predictor]] = {
        name: partial(_learned, name, seed, most_weeks) for name in models if name != PLAIN
    }
    if PLAIN in models:
        scores[PLAIN] = lambda: partial(plain_forest, seed=seed)
    scores |= {PERSISTENCE: lambda: persistence, "last 4 weeks": lambda: partial(recent_share, weeks=4)}
    by_model = {}
    for name, score in scores.items():
        by_model[name] = list(walk_forward(task, score(), weeks))
        progress(f"{name}: F1 {WeeklyF1(by_model[name])(np.ones(len(weeks), dtype=np.int64)):.3f}")
    return by_model


def newest_weeks(prefix: str, history: History, quick: bool, seed: int, progress: Progress) -> Mapping[str, Result]:
    """Results over the last weeks of a real table, forecast one by one."""
    if quick:
        history = history.only(np.arange(0, history.shape[0], QUICK_SHARE))
    last = history.shape[1]
    weeks = range(last - (QUICK_WEEKS if quick else WEEKS), last)
    by_model = forecasts(task_of(history), weeks, (PLAIN, FOREST, OURS) if quick else MODELS, seed, progress)
    return results(prefix, by_model, np.random.default_rng(seed))


def results(prefix: str, forecasts: Forecasts, rng: np.random.Generator) -> dict[str, Result]:
    """F1 and average precision of our model next to the better of plain forest and persistence, and all rates.

    A forest on our own features is compared as well.
    """
    weeks = len(forecasts[OURS])
    table: dict[str, Result] = {}
    for key, measures in (
        ("f1", {name: WeeklyF1(forecast) for name, forecast in forecasts.items()}),
        ("average_precision", {name: WeeklyAveragePrecision(forecast) for name, forecast in forecasts.items()}),
    ):
        once = np.ones(weeks, dtype=np.int64)
        values = {name: measure(once) for name, measure in measures.items()}
        better = max((PLAIN, PERSISTENCE), key=lambda name: values[name])
        low, high = bootstrap_interval(weeks, rng, measures[OURS])
        value, peer = values[OURS], values[better]
        note = "over weeks: " + ", ".join(f"{name} {forecast:.3f}" for name, forecast in values.items())
        table[f"{prefix}_{key}"] = Result(value, key, low, high, weeks, better, peer, value / peer, note)
        for gain, other in (("gain", better), ("gain_on_persistence", PERSISTENCE), ("gain_on_forest", FOREST)):
            low, high = bootstrap_interval(weeks, rng, measures[OURS], measures[other])
            more = value - values[other]
            table[f"{prefix}_{key}_{gain}"] = Result(more, key, low, high, weeks, note=f"ours less {other}")
    for name, each in forecasts.items():
        counts = sum(
            (ConfusionCounts.of(forecast.forecast, forecast.popular) for forecast in each),
            start=ConfusionCounts(0, 0, 0, 0),
        )
        word = name.replace(" ", "_")
        table[f"{prefix}_tpr_{word}"] = Result(counts.tpr, "share", n=weeks)
        table[f"{prefix}_tnr_{word}"] = Result(counts.tnr, "share", n=weeks)
        table[f"{prefix}_precision_{word}"] = Result(counts.precision, "share", n=weeks)
    return table


def _learned(name: str, seed: int, most_weeks: int) -> Predictor:
    learned = RetrainedModel(trainer(name), seed, EVERY, most_weeks)
    # The published forecasters have neither calibration nor cold start.
    return CalibratedModel(ColdStartModel(learned)) if name == OURS else learned
