"""What needs no model: persistence and shares of the last weeks. A model that does not beat them is not used."""

from functools import partial

import numpy as np

from opint.popularity.history import Float64
from opint.popularity.rolling import Places, Question


def last_weeks(question: Question, week: int, *, weeks: int) -> tuple[Places, Float64]:
    """The share of popular weeks among the last ``weeks``, for all datasets known at the end of ``week``."""
    history, label = question.history, question.label
    rows = np.flatnonzero(history.exists[:, week])
    recent = history.measures[label.measure][rows, max(0, week + 1 - weeks) : week + 1]
    return rows, label.holds(recent).sum(axis=1) / weeks


persistence = partial(last_weeks, weeks=1)
"""What was popular in the last week stays so: probabilities 1 and 0."""
