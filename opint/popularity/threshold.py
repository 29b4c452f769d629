"""From probabilities to yes or no: the threshold that would have been best so far."""

import numpy as np
import numpy.typing as npt

from opint.popularity.history import Float64

Flags = npt.NDArray[np.bool_]

GRID = np.linspace(0.05, 0.95, 91)
UNTRIED = 0.5
"""Before anything has been forecast and come true."""


def best_f1(probability: Float64, popular: Flags) -> float:
    """The threshold of GRID above which F1 of past forecasts is largest; of equal ones the middle one."""
    if not popular.any():
        return UNTRIED
    order = np.argsort(probability)
    hits = np.cumsum(popular[order][::-1])[::-1]
    above = np.searchsorted(probability[order], GRID, side="right")
    inside = above < len(order)
    hits_above = np.where(inside, hits[np.minimum(above, len(order) - 1)], 0)
    f1 = 2 * hits_above / (len(order) - above + popular.sum())
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(GRID[best[len(best) // 2]])
