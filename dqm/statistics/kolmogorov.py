"""Kolmogorov's distance between cumulative distributions, aware of statistics.

The distance is taken between cumulative sums, never between bin contents, at up to :data:`POINTS` places.
Scaled by the square root of the number of counts it has Kolmogorov's distribution for a continuous variable
and a perfectly known reference (A. Kolmogorov 1933; M. A. Stephens, JASA 69 (1974) 730 for the correction of
small samples); binning makes it smaller, never larger.
"""

import numpy as np

from dqm.arrays import Float32

POINTS = 20


def grid(bins: int) -> Float32:
    """Matrix (bins, points) of zeros and ones: counts @ grid are cumulative sums at evenly spread places.

    The last bin's is left out: it is the total on both sides. A single bin has no place to differ at.
    """
    points = min(POINTS, max(bins - 1, 1))
    ends = np.unique(np.linspace(0, bins - 1, points + 1).astype(np.intp)[:points])
    return (np.arange(bins)[:, None] <= ends[None, :]).astype(np.float32)


def scaled_distance(cumulative: Float32, expected: Float32, totals: Float32) -> Float32:
    """Largest distance over the last axis times Stephens' factor; shape of ``totals`` (0 where that is 0).

    ``cumulative`` and ``expected`` are (..., points) in counts, ``totals`` (...) are all counts. Scale:
    sqrt(N) + 0.12 + 0.11 / sqrt(N), so that 1.36 is exceeded by 5 % of continuous samples.
    """
    distance = np.abs(cumulative - expected).max(axis=-1)
    safe = np.maximum(totals, np.float32(1.0))
    root = np.sqrt(safe)
    scaled: Float32 = distance / safe * (root + np.float32(0.12) + np.float32(0.11) / root)
    return scaled
