"""The harmonic mean of p-values.

D. J. Wilson, PNAS 116 (2019) 1195: m / sum(1/p). Small ones count as in Bonferroni's test, but several of them add up.
It is somewhat too small to be a p-value itself: e ln(m) times it is one under any dependence (V. Vovk, R. Wang,
Biometrika 107 (2020) 791).
"""

import numpy as np

from dqm.arrays import Float32, Float64

_SMALLEST = 1e-300


def harmonic_mean(p_values: Float32) -> Float64:
    """Means of the sets along the last axis; NaN is left out, and a set of nothing gives NaN."""
    tested = ~np.isnan(p_values)
    count = tested.sum(axis=-1)
    inverse = 1.0 / np.maximum(np.where(tested, p_values, np.inf).astype(np.float64), _SMALLEST)
    return np.where(count > 0, np.maximum(count, 1) / np.maximum(inverse.sum(axis=-1), _SMALLEST), np.nan)
