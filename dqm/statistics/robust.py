"""Location, scale and straight lines that a few outliers do not move.

P. J. Huber, Ann. Math. Stat. 35 (1964) 73; iteratively reweighted least squares.
"""

import numpy as np

from streams.arrays import Float64

NORMAL_MAD = 1.4826
"""Standard deviations per median absolute deviation of a normal distribution."""

_HUBER = 1.5
_ROUNDS = 4


def median(values: Float64) -> Float64:
    """Median over the first axis; NaN is left out, and all-NaN columns give NaN.

    ``np.nanmedian`` makes masked arrays of small columns, which takes ten times as long.
    """
    ordered = np.sort(values, axis=0)
    finite = np.isfinite(ordered).sum(axis=0)
    places = np.maximum(np.stack([(finite - 1) // 2, finite // 2]), 0)
    middle: Float64 = np.take_along_axis(ordered, np.minimum(places, len(values) - 1), axis=0).mean(axis=0)
    return middle


def scale(residuals: Float64) -> Float64:
    """Robust standard deviation over the first axis; NaN is left out, and all-NaN columns give NaN."""
    return NORMAL_MAD * median(np.abs(residuals))


def fit_lines(design: Float64, values: Float64, ridge: Float64) -> Float64:
    """Coefficients (n, k) of ``values`` (L, n) on ``design`` (L, n, k), by Huber's method for each column.

    NaN among ``values`` is left out. ``ridge`` (k,) counts observations that say "zero" for a coefficient: it
    keeps those of columns with little data small.
    """
    finite = ~np.isnan(values)
    filled = np.where(finite, values, 0.0)
    weights = finite.astype(np.float64)
    coefficients = _solve(design, filled, weights, ridge)
    for _ in range(_ROUNDS):
        residuals = filled - np.einsum("lnk,nk->ln", design, coefficients)
        spread = scale(np.where(finite, residuals, np.nan))
        reach = _HUBER * np.where(np.isfinite(spread) & (spread > 0), spread, np.inf)
        weights = finite * np.minimum(1.0, reach / np.maximum(np.abs(residuals), 1e-12))
        coefficients = _solve(design, filled, weights, ridge)
    return coefficients


def _solve(design: Float64, values: Float64, weights: Float64, ridge: Float64) -> Float64:
    weighted = design * weights[..., None]
    normal = np.einsum("lnj,lnk->njk", weighted, design) + np.diag(ridge + 1e-9)
    right = np.einsum("lnj,ln->nj", weighted, values)
    return np.linalg.solve(normal, right[..., None])[..., 0]
