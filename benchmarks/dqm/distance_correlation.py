"""Distance correlation: 0 if and only if two samples are independent, however they depend.

G. Székely, M. Rizzo, N. Bakirov, Ann. Statist. 35 (2007) 2769: correlation of the distances between all pairs, which
are centred in rows and columns. Sees bent dependence that Pearson's correlation misses. Time and memory grow with the
square of the sample. A constant sample depends on nothing: 0. Independent samples of n give some 1/√n, not 0.
"""

import numpy as np

from streams.arrays import Float64


def distance_correlation(first: Float64, other: Float64) -> float:
    """Between 0 and 1, of n pairs: ``first`` (n,) or (n, k), ``other`` (n,) or (n, m); raises ValueError for n < 2."""
    if len(first) != len(other) or len(first) < 2:
        raise ValueError(
            f"distance correlation needs two samples of one size, at least 2: {len(first)} and {len(other)}"
        )
    a, b = _centred(first), _centred(other)
    own = float((a * a).mean()) * float((b * b).mean())
    # The squared covariance is not negative but for rounding.
    return float(np.sqrt(max(float((a * b).mean()), 0.0) / np.sqrt(own))) if own > 0 else 0.0


def _centred(sample: Float64) -> Float64:
    """Distances (n, n) less the means of rows and columns."""
    points = sample.reshape(len(sample), -1)
    distances = np.sqrt(np.square(points[:, None] - points).sum(axis=-1))
    middle = distances.mean(axis=0)
    centred: Float64 = distances - middle - middle[:, None] + distances.mean()
    return centred
