"""Telling two kinds apart: logistic regression with a ridge, by Newton's method, and the area under the ROC curve.

A. E. Hoerl, R. W. Kennard, Technometrics 12 (1970) 55; S. le Cessie, J. C. van Houwelingen, Appl. Stat. 41 (1992) 191.
Both kinds have the same total weight, however few rows one has.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from streams.arrays import Float64, Mask

_ROUNDS = 50
_ACCURACY = 1e-8


def logistic_regression(features: Float64, positive: Mask, strength: float) -> tuple[float, Float64]:
    """Intercept and weights (n,) of ``features`` (R, n), so that greater sums are more likely ``positive`` (R,).

    ``strength`` is the inverse ridge for all rows together: what is minimised is half the squared length of the weights
    plus ``strength`` times the mean loss. Raises ValueError where only one kind is there.
    """
    share = positive.mean()
    if not 0 < share < 1:
        raise ValueError("a logistic regression needs rows of both kinds")
    weight = strength / len(positive) * np.where(positive, 0.5 / share, 0.5 / (1 - share))
    design = np.column_stack([np.ones(len(features)), features])
    # The intercept is free, but for what keeps the equations regular.
    ridge = np.r_[1e-12, np.ones(features.shape[1])]
    coefficients = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        likely = expit(design @ coefficients)
        gradient = design.T @ (weight * (likely - positive)) + ridge * coefficients
        curvature = (design * (weight * likely * (1 - likely))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        coefficients -= step
        if np.abs(step).max() < _ACCURACY:
            break
    return float(coefficients[0]), coefficients[1:]


def auc(scores: npt.NDArray[np.floating], bad: Mask) -> float:
    """Area under the ROC curve: the chance that a bad row scores above a good one; ties count half."""
    from scipy.stats import rankdata  # noqa: PLC0415 - it takes 60 MB, and whoever judges ranks nothing

    ranks = rankdata(scores)
    n = int(bad.sum())
    return float((ranks[bad].sum() - n * (n + 1) / 2) / (n * (len(bad) - n)))
