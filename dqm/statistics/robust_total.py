"""How many counts a histogram would have if a few of its bins were not out of line.

A reference of shares is scaled to a histogram's counts. A hot channel adds to those counts and dead ones take from
them, so that every healthy bin would look low or high. The bins that are out of line are left out on both sides:
those more than a factor of two, and five standard deviations of a Poisson count, away from the reference scaled by the
weighted median of observed over expected (F. Hampel et al., "Robust Statistics" (1986), on medians and their breakdown
point). Dead bins are common and may be many, so the median is first that of the bins that are not; where hardly
anything is in line with it, and most bins are not empty, a few hot ones have made all others look dead, and it is that
of all bins.

Where counts have moved from some bins to others (a shift, an exchange) the sum is right as it is: then about as much is
too many in some bins as is too few in others.
"""

import numpy as np
import numpy.typing as npt

from streams.arrays import Float64, Mask

FACTOR = 2.0
SIGMAS = 5.0
DEAD = 0.2
"""Share of what is expected below which a bin counts as dead."""
LEAST_IN_LINE = 0.25
"""Share of what is expected that the bins in line must hold, unless they hold nearly all counts ..."""
ALIVE = 0.9
"""... that is this share of them: then all others are dead."""
MOVED = 0.25
"""Counts have moved where the smaller of excess and deficit is more than this share of the larger."""

TINY = 1e-12
"""No bin of a reference is expected to hold less; it keeps ratios finite."""


def robust_totals(counts: npt.ArrayLike, expected: npt.ArrayLike) -> tuple[Float64, Mask]:
    """Counts (m,) to which ``expected`` should sum, given the histograms ``counts``; both (m, bins).

    Where no bin is out of line, counts have moved, or hardly anything is in line with itself, it is the sum of the
    counts. Also the bins (m, bins) that it is the sum of.
    """
    observed, usual = np.asarray(counts, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    scale = np.maximum(usual.sum(axis=-1), TINY)
    ratio = observed / np.maximum(usual, TINY)
    factor = _weighted_median(ratio, np.where(ratio > DEAD * (observed.sum(axis=-1) / scale)[:, None], usual, 0.0))
    above, below = _out_of_line(observed, factor[:, None] * usual)
    crowded = (usual * ~(above | below)).sum(axis=-1) < LEAST_IN_LINE * scale
    of_all = _weighted_median(ratio[crowded], usual[crowded])
    crowded[crowded] = of_all > 0
    if crowded.any():
        factor[crowded] = of_all[of_all > 0]
        above[crowded], below[crowded] = _out_of_line(observed[crowded], factor[crowded, None] * usual[crowded])
    away = observed - factor[:, None] * usual
    excess, deficit = (away * above).sum(axis=-1), -(away * below).sum(axis=-1)
    in_line = ~(above | below)
    share = (usual * in_line).sum(axis=-1) / scale
    one_sided = np.minimum(excess, deficit) <= MOVED * np.maximum(excess, deficit)
    inside = (observed * in_line).sum(axis=-1)
    in_line[~one_sided | ((share < LEAST_IN_LINE) & (inside < ALIVE * observed.sum(axis=-1)))] = True
    share_in_line = np.where(in_line.all(axis=-1), 1.0, np.maximum(share, TINY))
    totals: Float64 = (observed * in_line).sum(axis=-1) / share_in_line
    return totals, in_line


def _out_of_line(observed: Float64, typical: Float64) -> tuple[Mask, Mask]:
    """Bins (m, bins) that hold far too many counts, and those that hold far too few."""
    margin = SIGMAS * np.sqrt(typical + 1.0)
    above = observed > np.maximum(FACTOR * typical, typical + margin)
    below = observed < np.minimum(typical / FACTOR, typical - margin)
    return above, below


def _weighted_median(values: Float64, weights: Float64) -> Float64:
    """Median (m,) of ``values`` (m, bins) by ``weights``; the smallest value where all weights are zero."""
    order = np.argsort(values, axis=-1)
    cumulative = np.cumsum(np.take_along_axis(weights, order, axis=-1), axis=-1)
    middle = (cumulative < 0.5 * cumulative[:, -1:]).sum(axis=-1)
    place = np.take_along_axis(order, np.minimum(middle, values.shape[-1] - 1)[:, None], axis=-1)
    return np.take_along_axis(values, place, axis=-1)[:, 0]
