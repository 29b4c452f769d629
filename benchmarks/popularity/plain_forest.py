"""The forecaster to beat, as it was first calculated on these series: a forest that knows counts alone.

Trained anew every week on the twelve weeks before, on ln(1 + accesses) of as many weeks and their sum, with balanced
classes. Of the sizes of leaves 1, 5, 10, 20 and 50 the one with the largest F1 and average precision is taken.
"""

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from opint.popularity.history import Float32, Float64
from opint.popularity.rolling import Places, Question

WEEKS = 12
TREES, LEAST_LEAF = 100, 20


def plain_forest(question: Question, week: int, *, seed: int) -> tuple[Places, Float64]:
    """Probabilities as :data:`opint.popularity.rolling.Score`, of the datasets that were read in those weeks."""
    read = question.history.measures["naccess"]
    popular = question.label.holds(question.history.measures[question.label.measure])
    values, came = [], []
    for end in range(max(WEEKS, week - question.horizon - WEEKS + 1), week - question.horizon + 1):
        table = _counts(read, end)
        active = table[:, -1] > 0
        values.append(table[active])
        came.append(popular[active, end + question.horizon])
    trees = RandomForestClassifier(
        TREES, min_samples_leaf=LEAST_LEAF, class_weight="balanced", random_state=seed, n_jobs=-1
    )
    trees.fit(np.concatenate(values), np.concatenate(came))
    now = _counts(read, week)
    rows = np.flatnonzero(now[:, -1] > 0)
    return rows, np.asarray(trees.set_params(n_jobs=1).predict_proba(now[rows])[:, 1], dtype=np.float64)


def _counts(read: Float32, week: int) -> Float32:
    """Of the weeks up to ``week``, one a column, and their sum."""
    recent = read[:, week - WEEKS + 1 : week + 1]
    return np.concatenate([np.log1p(recent), recent.sum(axis=1, keepdims=True)], axis=1)
