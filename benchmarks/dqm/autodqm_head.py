"""Which of AutoDQM's 308 runs are bad, by a supervised head on how far each of their histograms deviates.

A histogram is one number, the mean absolute deviation of what is known of it, and a run is a logistic regression on its
62 histograms. A ridge (A. E. Hoerl, R. W. Kennard, Technometrics 12 (1970) 55) leaves their coefficients little freedom
beside some 34 bad runs. Run size is taken out by a line and by a parabola, and the two heads are added. How strong the
ridge is, and the threshold, are chosen in the training part of each fold, by cross-validations inside it.
"""

import numpy as np

from benchmarks.dqm.autodqm_runs import Cells, Floats, Runs, Validated, deviations, folds
from benchmarks.dqm.ranking import auc

STRENGTHS = (0.3, 1.0, 3.0, 10.0)
"""Inverse ridges, for all runs that are learned from together."""
REACH = 4.0
"""Standard deviations beyond which a number deviates no farther: one alone must not decide."""
REPEATS = 5
_DEGREES = (1, 2)


def validate(runs: Runs, rng: np.random.Generator, flagged: float, repeats: int = REPEATS) -> Validated[float]:
    """Cross-validation with ``repeats`` others inside each fold; ``flagged`` is the share of good runs above 1."""
    result, chosen = np.empty(len(runs.bad)), []
    for train, held in folds(runs.bad, np.arange(len(runs.bad)), rng):
        bad = runs.bad[train]
        inner = np.empty((repeats, len(STRENGTHS), len(runs.bad)))
        for repeat in range(repeats):
            for own, rest in folds(runs.bad, train, rng):
                inner[repeat][:, rest] = heads(runs, own)[:, rest]
        areas = [np.mean([auc(scores, bad) for scores in inner[:, at, train]]) for at in range(len(STRENGTHS))]
        best = int(np.argmax(areas))
        middle, threshold = np.quantile(inner[:, best, train].mean(axis=0)[~bad], [0.5, 1.0 - flagged])
        result[held] = (heads(runs, train)[best, held] - middle) / (threshold - middle)
        chosen.append(STRENGTHS[best])
    return Validated(result, tuple(chosen))


def heads(runs: Runs, own: Cells) -> Floats:
    """Scores (strengths, R) of all runs by what the ``own`` ones teach."""
    # It takes a second to load.
    from sklearn.linear_model import LogisticRegression

    total = np.zeros((len(STRENGTHS), len(runs.bad)))
    for degree in _DEGREES:
        away = np.abs(deviations(runs.numbers, runs.size, own[~runs.bad[own]], degree))
        histograms = 2.0 * np.minimum(away, REACH).mean(axis=1)
        for at, strength in enumerate(STRENGTHS):
            model = LogisticRegression(C=strength / len(own), class_weight="balanced", max_iter=1000)
            total[at] += model.fit(histograms[own], runs.bad[own]).decision_function(histograms)
    return total
