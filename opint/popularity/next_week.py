"""The forecast that a data manager asks for: what will be popular, how sure that is, and which model says so."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from opint.popularity.baselines import persistence
from opint.popularity.calibrated import Calibrated, unsure
from opint.popularity.cold_start import ColdStart, is_new
from opint.popularity.history import Float64
from opint.popularity.models import Train
from opint.popularity.rolling import WARM_UP_WEEKS, Flags, Learned, Places, Question
from opint.popularity.standing import PERSISTENCE

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


def forecast(
    question: Question,
    week: int,
    model: str,
    train: Train,
    seed: int,
    confidence: float,
    fallen_back: Flags | None = None,
) -> Forecast:
    """At the end of ``week``; a model is trained anew, and its probabilities calibrated on the weeks before.

    For datasets that have ``fallen_back`` (n,), persistence forecasts: what was popular stays so, without a doubt.

    Raises:
        PopularityError: there are too few weeks, or nothing or everything was popular in them.
        LeakError: a feature tells the future.
    """
    score = Calibrated(ColdStart(Learned(train, seed, EVERY)))
    first = max(WARM_UP_WEEKS + question.horizon, week - CALIBRATION_WEEKS - question.horizon + 1)
    for earlier in range(first, week):
        score(question, earlier)
    dataset, probability = score(question, week)
    known = np.flatnonzero(question.history.exists[:, week])
    told = np.zeros(question.history.shape[0])
    told[dataset] = probability
    stays = np.zeros(len(known), dtype=np.bool_) if fallen_back is None else fallen_back[known]
    rows, was = persistence(question, week)
    told[rows[stays]] = was[stays]
    return Forecast(
        week,
        week + question.horizon,
        known,
        told[known],
        is_new(question.history, week)[known],
        unsure(told[known], confidence),
        tuple(PERSISTENCE if one else model for one in stays),
    )
