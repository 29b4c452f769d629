"""Which of AutoDQM's 308 runs are bad, by a supervised head on how far each of their histograms deviates.

A histogram is one number, the mean absolute deviation of what is known of it, and a run is a logistic regression on its
62 histograms. A ridge (A. E. Hoerl, R. W. Kennard, Technometrics 12 (1970) 55) leaves their coefficients little freedom
beside some 34 bad runs. Run size is taken out by a line and by a parabola, and the two heads are added. How strong the
ridge is, and the threshold, are chosen in the training part of each fold, by cross-validations inside it. Fit and
choice are those of nightshift's own heads (:mod:`dqm.core.head_fitting`).
"""

from functools import partial

import numpy as np

from benchmarks.dqm.autodqm_runs import Cells, Floats, Runs, Validated, deviations, folds
from dqm.core.head_fitting import STRENGTHS, choose
from dqm.core.supervised_head import REACH
from dqm.statistics.classification import logistic_regression

REPEATS = 5
_DEGREES = (1, 2)


def validate(runs: Runs, rng: np.random.Generator, flagged: float, repeats: int = REPEATS) -> Validated[float]:
    """Cross-validation with ``repeats`` others inside each fold; ``flagged`` is the share of good runs above 1."""
    result, chosen = np.empty(len(runs.bad)), []
    for train, test in folds(runs.bad, np.arange(len(runs.bad)), rng):
        inner = [folds(runs.bad, train, rng) for _ in range(repeats)]
        choice = choose(partial(heads, runs), runs.bad, inner)
        middle, threshold = np.quantile(choice.scores[train[~runs.bad[train]]], [0.5, 1.0 - flagged])
        result[test] = (heads(runs, train)[choice.strength, test] - middle) / (threshold - middle)
        chosen.append(STRENGTHS[choice.strength])
    return Validated(result, tuple(chosen))


def heads(runs: Runs, own: Cells) -> Floats:
    """Scores (strengths, R) of all runs by what the ``own`` ones teach."""
    total = np.zeros((len(STRENGTHS), len(runs.bad)))
    for degree in _DEGREES:
        away = np.abs(deviations(runs.numbers, runs.size, own[~runs.bad[own]], degree))
        histograms = 2.0 * np.minimum(away, REACH).mean(axis=1)
        for at, strength in enumerate(STRENGTHS):
            intercept, weights = logistic_regression(histograms[own], runs.bad[own], strength)
            total[at] += intercept + histograms @ weights
    return total
