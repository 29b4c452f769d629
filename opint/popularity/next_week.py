"""Training, and what a data manager asks for: what will be popular, how sure that is, and which model says so."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from opint.popularity.baselines import persistence
from opint.popularity.calibrated import curve, unsure
from opint.popularity.cold_start import ColdStart, is_new
from opint.popularity.errors import PopularityError
from opint.popularity.history import Float64
from opint.popularity.models import Train
from opint.popularity.rolling import WARM_UP_WEEKS, Flags, Learned, Places, Question, fit, scored
from opint.popularity.standing import PERSISTENCE
from opint.popularity.trained import Trained

CALIBRATION_WEEKS = 12
"""Weeks before, forecast as well, on which the probabilities are calibrated."""

CONFIDENCE = 0.8
EVERY = 4
"""Weeks between two trainings on the way."""

Answer = Literal["yes", "no", "unsure"]


@dataclass(frozen=True, eq=False)
class Forecast:
    """Of each dataset (n,) known at the end of week ``made``: ``probability`` to be popular in week ``week``.

    ``new`` marks those with hardly any history, ``abstained`` those of which neither yes nor no is sure enough;
    ``model`` says who forecast each.
    """

    made: int
    week: int
    dataset: Places
    probability: Float64
    new: Flags
    abstained: Flags
    model: tuple[str, ...]

    def answer(self, row: int) -> Answer:
        """Yes, no or unsure, in a word."""
        if self.abstained[row]:
            return "unsure"
        return "yes" if self.probability[row] >= 0.5 else "no"


def train(
    question: Question,
    week: int,
    model: str,
    how: Train,
    seed: int,
    progress: Callable[[float], None] = lambda _: None,
) -> Trained:
    """Train at the end of ``week`` (``model`` is the name of ``how``), and calibrate on the weeks before.

    For these the model is trained every :data:`EVERY` weeks on what was known by then. ``progress`` hears the share
    done.

    Raises:
        PopularityError: there are too few weeks, or nothing or everything was popular in them.
        LeakError: a feature tells the future.
    """
    history, horizon = question.history, question.horizon
    score = ColdStart(Learned(how, seed, EVERY))
    popular = question.label.holds(history.measures[question.label.measure])
    last = week - horizon
    weeks = range(max(WARM_UP_WEEKS + horizon, last - CALIBRATION_WEEKS + 1), last + 1)
    probabilities, outcomes = [np.empty(0)], [np.empty(0, dtype=np.bool_)]
    for earlier in weeks:
        dataset, probability = score(question, earlier)
        probabilities.append(probability)
        outcomes.append(popular[dataset, earlier + horizon])
        progress((len(probabilities) - 1) / (len(weeks) + 1))
    forecaster = fit(question, week, how, seed)
    progress(1.0)
    return Trained(
        model,
        question.label,
        horizon,
        seed,
        history.weeks.start(week),
        tuple(question.columns),
        question.conferences,
        curve(np.concatenate(probabilities), np.concatenate(outcomes)),
        forecaster,
    )


def forecast(
    question: Question, week: int, trained: Trained, confidence: float, fallen_back: Flags | None = None
) -> Forecast:
    """What is known at the end of ``week``, as the ``trained`` model sees it; ``question`` is the one it learned.

    For datasets that have ``fallen_back`` (n,), persistence forecasts: what was popular stays so, without a doubt.

    Raises:
        PopularityError: the model was trained for another question, or on weeks after this one.
    """
    _check(question, week, trained)
    dataset, raw = ColdStart(partial(scored, trained.forecaster))(question, week)
    known = np.flatnonzero(question.history.exists[:, week])
    probability = np.zeros(question.history.shape[0])
    probability[dataset] = trained.curve(raw)
    stays = np.zeros(len(known), dtype=np.bool_) if fallen_back is None else fallen_back[known]
    rows, was = persistence(question, week)
    probability[rows[stays]] = was[stays]
    return Forecast(
        week,
        week + question.horizon,
        known,
        probability[known],
        is_new(question.history, week)[known],
        unsure(probability[known], confidence),
        tuple(PERSISTENCE if by_persistence else trained.model for by_persistence in stays),
    )


def _check(question: Question, week: int, trained: Trained) -> None:
    """Raise PopularityError if the model cannot answer this."""
    other = sorted(set(trained.columns) ^ set(question.columns))
    if other:
        raise PopularityError(f"the model was trained on a table of another kind: {other[0]} is in only one of them")
    newest = question.history.weeks.start(week)
    if trained.newest > newest:
        raise PopularityError(
            f"the model has seen the week of {trained.newest}, and the table ends with that of {newest}: "
            "it would tell what it has seen; train it on this table"
        )
