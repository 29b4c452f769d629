"""Several forecasters on one history, by the rolling protocol: what was forecast, and how good it was."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from benchmarks.popularity.plain_forest import plain_forest
from benchmarks.report import Progress, Result
from opint.popularity.baselines import last_weeks, persistence
from opint.popularity.bootstrap import F1, AveragePrecision, interval
from opint.popularity.calibrated import Calibrated
from opint.popularity.cold_start import ColdStart
from opint.popularity.history import History
from opint.popularity.label import Label
from opint.popularity.metrics import Counts
from opint.popularity.models import trainer
from opint.popularity.rolling import Learned, Question, Score, WeekForecast, roll

LABEL = Label("naccess", ">", 10)
EVERY = 4
"""Weeks between two trainings."""
MOST_WEEKS = 104
"""Weeks that are learned from at most."""
OURS, FOREST, PLAIN, PERSISTENCE = "blend", "forest", "plain forest", "persistence"
MODELS = (PLAIN, FOREST, "boosting", "sgd", OURS)
WEEKS, QUICK_WEEKS = 50, 6
QUICK_SHARE = 6
"""Quickly, one of so many datasets is forecast."""
Forecasts = Mapping[str, Sequence[WeekForecast]]


def question_of(history: History, horizon: int = 1) -> Question:
    """What is asked: more than ten accesses in the week."""
    return Question.of(history, LABEL, horizon)


def forecasts(
    question: Question,
    weeks: Sequence[int],
    models: Sequence[str],
    seed: int,
    progress: Progress,
    most_weeks: int = MOST_WEEKS,
) -> dict[str, list[WeekForecast]]:
    """By name, those of the models, trained on at most so many weeks before, and those of what needs no model."""
    scores: dict[str, Callable[[], Score]] = {
        name: partial(_learned, name, seed, most_weeks) for name in models if name != PLAIN
    }
    if PLAIN in models:
        scores[PLAIN] = lambda: partial(plain_forest, seed=seed)
    scores |= {PERSISTENCE: lambda: persistence, "last 4 weeks": lambda: partial(last_weeks, weeks=4)}
    made = {}
    for name, score in scores.items():
        made[name] = list(roll(question, score(), weeks))
        progress(f"{name}: F1 {F1(made[name])(np.ones(len(weeks), dtype=np.int64)):.3f}")
    return made


def newest_weeks(prefix: str, history: History, quick: bool, seed: int, progress: Progress) -> Mapping[str, Result]:
    """Results over the last weeks of a real table, forecast one by one."""
    if quick:
        history = history.only(np.arange(0, history.shape[0], QUICK_SHARE))
    last = history.shape[1]
    weeks = range(last - (QUICK_WEEKS if quick else WEEKS), last)
    made = forecasts(question_of(history), weeks, (PLAIN, FOREST, OURS) if quick else MODELS, seed, progress)
    return results(prefix, made, np.random.default_rng(seed))


def results(prefix: str, found: Forecasts, rng: np.random.Generator) -> dict[str, Result]:
    """F1 and average precision of ours beside the better of plain forest and persistence, and all counts.

    What a forest makes of our own features is beside them as well.
    """
    weeks = len(found[OURS])
    made: dict[str, Result] = {}
    for key, measures in (
        ("f1", {name: F1(forecast) for name, forecast in found.items()}),
        ("average_precision", {name: AveragePrecision(forecast) for name, forecast in found.items()}),
    ):
        once = np.ones(weeks, dtype=np.int64)
        values = {name: measure(once) for name, measure in measures.items()}
        better = max((PLAIN, PERSISTENCE), key=lambda name: values[name])
        low, high = interval(weeks, rng, measures[OURS])
        value, peer = values[OURS], values[better]
        note = "over weeks: " + ", ".join(f"{name} {forecast:.3f}" for name, forecast in values.items())
        made[f"{prefix}_{key}"] = Result(value, key, low, high, weeks, better, peer, value / peer, note)
        for gain, other in (("gain", better), ("gain_on_persistence", PERSISTENCE), ("gain_on_forest", FOREST)):
            low, high = interval(weeks, rng, measures[OURS], measures[other])
            more = value - values[other]
            made[f"{prefix}_{key}_{gain}"] = Result(more, key, low, high, weeks, note=f"ours less {other}")
    for name, each in found.items():
        counts = sum((Counts.of(forecast.forecast, forecast.popular) for forecast in each), start=Counts(0, 0, 0, 0))
        word = name.replace(" ", "_")
        made[f"{prefix}_tpr_{word}"] = Result(counts.tpr, "share", n=weeks)
        made[f"{prefix}_tnr_{word}"] = Result(counts.tnr, "share", n=weeks)
        made[f"{prefix}_precision_{word}"] = Result(counts.precision, "share", n=weeks)
    return made


def _learned(name: str, seed: int, most_weeks: int) -> Score:
    learned = Learned(trainer(name), seed, EVERY, most_weeks)
    # What the published forecasters lack is added to ours alone.
    return Calibrated(ColdStart(learned)) if name == OURS else learned
