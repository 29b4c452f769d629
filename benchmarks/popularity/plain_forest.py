"""The forecaster to beat, as it was first calculated on these series: a forest that knows counts alone.

Trained anew every week on the twelve weeks before, on ln(1 + accesses) of as many weeks and their sum, with balanced
classes. Of the sizes of leaves 1, 5, 10, 20 and 50 the one with the largest F1 and average precision is taken.
"""

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from opint.popularity.predictors import ForecastTask
from streams.arrays import Float32, Float64, Indices

WEEKS = 12
TREES, LEAST_LEAF = 100, 20


def plain_forest(task: ForecastTask, week: int, *, seed: int) -> tuple[Indices, Float64]:
    """Probabilities as :data:`opint.popularity.predictors.Predictor`, of the datasets that were read in those weeks."""
    read = task.history.measures["naccess"]
    popular = task.label.holds(task.history.measures[task.label.measure])
    values, outcomes = [], []
    for end in range(max(WEEKS, week - task.horizon - WEEKS + 1), week - task.horizon + 1):
        table = _counts(read, end)
        active = table[:, -1] > 0
        values.append(table[active])
        outcomes.append(popular[active, end + task.horizon])
    trees = RandomForestClassifier(
        TREES, min_samples_leaf=LEAST_LEAF, class_weight="balanced", random_state=seed, n_jobs=-1
    )
    trees.fit(np.concatenate(values), np.concatenate(outcomes))
    now = _counts(read, week)
    rows = np.flatnonzero(now[:, -1] > 0)
    return rows, np.asarray(trees.set_params(n_jobs=1).predict_proba(now[rows])[:, 1], dtype=np.float64)


def _counts(read: Float32, week: int) -> Float32:
    """Of the weeks up to ``week``, one a column, and their sum."""
    recent = read[:, week - WEEKS + 1 : week + 1]
    return np.concatenate([np.log1p(recent), recent.sum(axis=1, keepdims=True)], axis=1)
