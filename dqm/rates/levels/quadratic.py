"""Rate against pileup: a quadratic for each rate, with an offset of its own for each prescale column.

The logarithm of a rate is a quadratic in pileup on top of what it scales with: recorded luminosity, or live time alone
(random triggers, and rates that are limited). Which of the two follows from how it moves with luminosity inside of
runs. Prescales are whole numbers that differ from column to column, so that a column is an offset. Fitted by Huber's
method (:mod:`dqm.statistics.robust` says where it is from), counts having the weight of a Poisson count.
"""

from dataclasses import dataclass

import numpy as np

from dqm.rates.levels.readings import Readings
from dqm.statistics.robust import NORMAL_MAD
from streams.arrays import Float64, Indices, Mask

LEAST_READINGS = 30
"""Lumisections in which training must have a rate in a column to know its offset."""
LEAST_COUNTS = 200.0
"""Events that a rate must have in training to be known at all."""
MIDDLE, UNIT = 50.0, 15.0
"""Pileup is counted from here in such units."""

_HUBER, _ROUNDS = 2.0, 8
_FLOOR = 0.02
"""A count weighs no more than one that is known to this share."""
_LINEAR = 0.5
"""A rate that moves with at least this power of luminosity scales with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Quadratic:
    """Of n rates and c prescale ``columns``.

    ``scales`` (n,): with luminosity, not with time alone; ``coefficients`` (n, 2) of pileup and its square; ``offsets``
    (c, n) are NaN where training has not seen the rate in the column; ``reach`` (2, n): pileup of training, beyond
    which a curve is continued as a constant. ``is_fitted`` (n,): those that have a curve.
    """

    columns: tuple[str, ...]
    scales: Mask
    coefficients: Float64
    offsets: Float64
    reach: Float64
    is_fitted: Mask

    def expected(self, readings: Readings) -> Float64:
        """Counts (L, n) to expect; in a column that is not known, with the offset that a rate has in the median."""
        x = (np.clip(readings.pileup[:, None], *self.reach) - MIDDLE) / UNIT
        curve = self.coefficients[:, 0] * x + self.coefficients[:, 1] * x**2
        scale = np.where(self.scales, readings.luminosity[:, None], readings.live_s[:, None])
        has_offset = np.isfinite(self.offsets)
        usual = np.array([np.median(of[np.isfinite(of)]) if np.isfinite(of).any() else 0.0 for of in self.offsets.T])
        place = {column: at for at, column in enumerate(self.columns)}
        rows = np.vstack([np.where(has_offset, self.offsets, usual), usual])
        offset = rows[[place.get(column, len(self.columns)) for column in readings.columns]]
        on = np.divide(1.0, readings.prescales, out=np.zeros_like(readings.prescales), where=readings.prescales > 0)
        expected: Float64 = np.maximum(scale, 0.0) * on * np.exp(curve + offset)
        return expected

    def knows(self, column: str) -> Mask:
        """Which rates (n,) training has seen in the column."""
        if column not in self.columns:
            return np.zeros_like(self.is_fitted)
        offset: Mask = self.is_fitted & np.isfinite(self.offsets[self.columns.index(column)])
        return offset


def fit(readings: Readings, use: Mask) -> Quadratic:
    """Curves of what was read; ``use`` (L, n) leaves some out."""
    n = readings.counts.shape[1]
    columns = tuple(sorted(set(np.array(readings.columns, dtype=object)[use.any(axis=1)])))
    is_fitted: Mask = np.where(use, readings.counts, 0.0).sum(axis=0) >= LEAST_COUNTS
    scales = np.array([_scales_with_luminosity(readings, use[:, at], at) for at in range(n)], dtype=np.bool_)
    quadratic = Quadratic(
        columns, scales, np.zeros((n, 2)), np.full((len(columns), n), np.nan), np.zeros((2, n)), is_fitted
    )
    for at in np.flatnonzero(is_fitted).tolist():
        _fit_rate(quadratic, readings, use[:, at], at)
    return quadratic


def _fit_rate(quadratic: Quadratic, readings: Readings, use: Mask, at: int) -> None:
    """Fill in the numbers of one rate."""
    rows = np.flatnonzero(use)
    pileup, counts = readings.pileup[rows], readings.counts[rows, at]
    scale = readings.luminosity[rows] if quadratic.scales[at] else readings.live_s[rows]
    y = np.log((counts + 0.5) / (scale / readings.prescales[rows, at]))
    x = (pileup - MIDDLE) / UNIT
    column = np.array([readings.columns[row] for row in rows], dtype=object)
    is_in = np.stack([column == name for name in quadratic.columns], axis=1).astype(np.float64)
    used_columns = np.flatnonzero(is_in.sum(axis=0) > 0)
    design = np.column_stack([x, x**2, is_in[:, used_columns]])
    poisson = np.minimum(counts + 0.5, 1 / _FLOOR**2)
    solution = _huber(design, y, poisson)
    quadratic.coefficients[at] = solution[:2]
    enough = is_in[:, used_columns].sum(axis=0) >= min(LEAST_READINGS, len(rows))
    quadratic.offsets[used_columns[enough], at] = solution[2:][enough]
    quadratic.reach[:, at] = pileup.min(), pileup.max()


def _huber(design: Float64, y: Float64, poisson: Float64) -> Float64:
    ridge = np.diag([1e-6 * poisson.sum()] * 2 + [1e-9] * (design.shape[1] - 2))
    solution: Float64 = np.zeros(design.shape[1])
    less: Float64 = np.ones(y.shape)
    for _ in range(_ROUNDS):
        weighted = design * (poisson * less)[:, None]
        solution = np.asarray(np.linalg.solve(weighted.T @ design + ridge, weighted.T @ y), dtype=np.float64)
        pull = np.abs(y - design @ solution) * np.sqrt(poisson)
        reach = _HUBER * max(NORMAL_MAD * float(np.median(pull)), 1e-6)
        less = np.asarray(np.minimum(1.0, reach / np.maximum(pull, 1e-9)), dtype=np.float64)
    return solution


def _scales_with_luminosity(readings: Readings, use: Mask, at: int) -> bool:
    """Whether a rate moves with luminosity, inside of stretches of one run and column."""
    rows: Indices = np.flatnonzero(
        use & (readings.counts[:, at] > 0) & (readings.luminosity > 0) & (readings.live_s > 0)
    )
    if not len(rows):
        return False
    y = np.log(readings.counts[rows, at] * readings.prescales[rows, at] / readings.live_s[rows])
    x = np.log(readings.luminosity[rows] / readings.live_s[rows])
    stretches = [f"{readings.runs[row]} {readings.columns[row]}" for row in rows]
    _, of = np.unique(np.array(stretches), return_inverse=True)
    x, y = _about_median(x, of), _about_median(y, of)
    counts = readings.counts[rows, at]
    weight: Float64 = counts.astype(np.float64)
    power = 0.0
    for _ in range(_ROUNDS):
        power = float((weight * x * y).sum() / max((weight * x * x).sum(), 1e-12))
        pull = np.abs(y - power * x) * np.sqrt(counts)
        reach = _HUBER * max(NORMAL_MAD * float(np.median(pull)), 1e-6)
        weight = counts * np.minimum(1.0, reach / np.maximum(pull, 1e-9))
    return power >= _LINEAR


def _about_median(values: Float64, of: Indices) -> Float64:
    result = values.copy()
    order = np.argsort(of, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(of[order])) + 1):
        result[rows] -= np.median(values[rows])
    return result
