"""Rate against pileup, one curve for each seed and path: what trigger experts compare with today.

Events per luminosity are the exponential of a polynomial in pileup. It is fitted to counts, not to logarithms of rates:
iteratively reweighted least squares of a Poisson regression (J. Nelder, R. Wedderburn, J. R. Stat. Soc. A 135 (1972)
370) whose variance is that of :mod:`dqm.statistics.variance_stabilised`, with Huber's weights against outliers.
"""

from dataclasses import dataclass, replace

import numpy as np

from dqm.core.pileup import PileupScale
from dqm.statistics.robust import scale
from dqm.statistics.variance_stabilised import stabilised
from streams.arrays import Float32, Float64, Mask

DEGREE = 4
LEAST_COUNTS = 200.0
"""Events in training that a seed or path must have to get a curve."""
LEAST_FACTOR = 0.05
BEYOND = 1.0
"""So far beyond the pileup of training a curve is continued, as a constant."""

_SPREADS, _ROUNDS = 2, 6
_HIGHEST = 60.0
"""Logarithm of more events per luminosity than any rate has."""
_HUBER = 2.0
_RIDGE = 1e-3
_STEP = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """``coefficients`` (n, degree + 1) in standardised pileup; ``spread`` (n,): what is not counting noise.

    ``pileup`` are mean and standard deviation of training, ``reach`` (2, n) the lowest and highest pileup at which
    training has seen each rate switched on.
    ``shift`` (2, n) is how far rates have drifted since, as a share of the curve: at mean pileup and per deviation.
    ``is_fitted`` (n,): those that have a curve.
    """

    coefficients: Float64
    spread: Float64
    pileup: PileupScale
    reach: Float64
    shift: Float64
    is_fitted: Mask

    def expected(self, exposure: Float64, pileup: Float64) -> Float64:
        """Expected counts (L, n) of ``exposure`` (L, n) in 1/pb at ``pileup`` (L,), drift included."""
        return self.at_training(exposure, pileup) * self.drift(pileup)

    def at_training(self, exposure: Float64, pileup: Float64) -> Float64:
        """The same without drift."""
        design = _design(self.standardised(pileup), self.coefficients.shape[1])
        # Beyond its own reach a polynomial means nothing; it must not overflow, for zero times infinity is no number.
        counts: Float64 = exposure * np.exp(np.minimum(design @ self.coefficients.T, _HIGHEST))
        return counts

    def drift(self, pileup: Float64) -> Float64:
        """Factors (L, n)."""
        x = self.standardised(pileup)[:, None]
        factors: Float64 = np.maximum(1 + self.shift[0] + self.shift[1] * x, LEAST_FACTOR)
        return factors

    def standardised(self, pileup: Float64) -> Float64:
        """Pileup (L,) within the reach of training, in deviations from its mean."""
        within = np.clip(pileup, self.reach[0].min(), self.reach[1].max())
        x: Float64 = (within - self.pileup.mean) / self.pileup.deviation
        return x

    def covers(self, pileup: Float64) -> Mask:
        """Whether each pileup (L,) lies where training has seen each rate, or hardly beyond, (L, n)."""
        away = pileup[:, None]
        covered: Mask = (away >= self.reach[0] - BEYOND) & (away <= self.reach[1] + BEYOND)
        return covered

    def moved(self, shift: Float32) -> "Curves":
        """The same after a drift of ``shift`` (2, n)."""
        return replace(self, shift=shift.astype(np.float64))


def fit(counts: Float64, exposure: Float64, pileup: Float64, use: Mask) -> Curves:
    """Curves of ``counts`` (L, n) of ``exposure`` (L, n) at ``pileup`` (L,); ``use`` (L, n) leaves some out."""
    is_fitted: Mask = (counts * use).sum(axis=0) >= LEAST_COUNTS
    middle = PileupScale(float(pileup.mean()), max(float(pileup.std()), 1.0))
    weight = use & is_fitted
    n = counts.shape[1]
    reach = _reach(pileup, weight & (exposure > 0))
    curves = Curves(np.zeros((n, DEGREE + 1)), np.zeros(n), middle, reach, np.zeros((2, n)), is_fitted)
    total = np.maximum((exposure * weight).sum(axis=0), 1e-30)
    start = np.log(np.maximum((counts * weight).sum(axis=0), 0.5) / total)
    curves.coefficients[:, 0] = np.where(is_fitted, start, 0.0)
    design = _design(curves.standardised(pileup), DEGREE + 1)
    spread: Float64 = np.full(n, 0.02)
    for _ in range(_SPREADS):
        for _ in range(_ROUNDS):
            expected = np.maximum(curves.at_training(exposure, pileup), 1e-9)
            step = _step(design, counts, expected, spread, weight)
            curves.coefficients[:] += np.clip(step, -_STEP, _STEP)
        spread = spread_of(counts, np.maximum(curves.at_training(exposure, pileup), 1e-9), weight)
    return replace(curves, spread=spread)


def _reach(pileup: Float64, usable: Mask) -> Float64:
    """Lowest and highest pileup (L,) at which each rate was switched on (L, n); all of it for one that never was."""
    usable = usable | ~usable.any(axis=0)
    low = np.where(usable, pileup[:, None], np.inf).min(axis=0)
    high = np.where(usable, pileup[:, None], -np.inf).max(axis=0)
    return np.array([low, high])


def spread_of(counts: Float64, expected: Float64, use: Mask) -> Float64:
    """What ``counts`` (L, n) scatter about ``expected`` ones, as a share, beyond counting noise; robust, (n,)."""
    low: Float64 = np.full(counts.shape[1], 1e-4)
    high: Float64 = np.full(counts.shape[1], 1.0)
    for _ in range(16):
        middle = np.sqrt(low * high)
        away = np.where(use, stabilised(counts, expected, middle), np.nan)
        wide = np.nan_to_num(scale(away)) > 1
        low[wide], high[~wide] = middle[wide], middle[~wide]
    spread: Float64 = np.sqrt(low * high)
    return spread


def _step(design: Float64, counts: Float64, expected: Float64, spread: Float64, use: Mask) -> Float64:
    """One step (n, k) of Newton's method for all curves together."""
    variance = expected + (spread * expected) ** 2
    pull = (counts - expected) / np.sqrt(variance)
    weight = use * np.minimum(1.0, _HUBER / np.maximum(np.abs(pull), 1e-9)) * expected**2 / variance
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    k = design.shape[1]
    normal: Float64 = (weight.T @ products).reshape(-1, k, k)
    ridge = _RIDGE * np.maximum(normal[:, 0, 0], 1.0)
    right = (weight * (counts / expected - 1)).T @ design
    return np.asarray(np.linalg.solve(normal + ridge[:, None, None] * np.eye(k), right[..., None])[..., 0])


def _design(x: Float64, size: int) -> Float64:
    return np.asarray(np.vander(x, size, increasing=True), dtype=np.float64)
