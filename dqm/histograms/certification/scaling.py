"""Summaries in units of how far good lumisections spread.

The published method scales each feature to its range in training. Here a feature is measured from a robust line
in pileup, and divided by a spread with two parts: one that good lumisections have at any number of counts, and one
that falls as counts grow. So a histogram with few counts has no larger features than one with many.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from dqm.statistics.robust import fit_lines, scale
from streams.arrays import Float32, Float64, Indices, Mask

REACH = 1e4
"""Scaled features are kept within plus and minus this, so that their squares stay finite."""

_RIDGE = np.array([0.0, 1.0])
_LEAST_SHARE = 0.01
_OUTLIER = 3.0
_ROUNDS = 3
_ELEMENTS = 64


@dataclass(frozen=True, slots=True, eq=False)
class FeatureScaling:
    """Per ME and number, float32 (n, 7): ``centre``, ``slope`` per standardised pileup, and the squared spreads.

    The variance at N counts is ``systematic + statistical / N``. An ME that training never saw has centre NaN.
    """

    centre: Float32
    slope: Float32
    systematic: Float32
    statistical: Float32

    def typical(self, pileup: Float32) -> Float32:
        """What good lumisections have, (L, n, 7), at standardised pileup (L,)."""
        typical: Float32 = self.centre + self.slope * pileup[:, None, None]
        return typical

    def moved(self, shift: Float32) -> "FeatureScaling":
        """The same about a centre that lies ``shift`` (2, n, 7) elsewhere: at mean pileup, and per deviation of it."""
        return replace(self, centre=self.centre + shift[0], slope=self.slope + shift[1])

    def scaled(self, summaries: Float32, totals: Float32, pileup: Float32, use: Mask) -> Float32:
        """Features (L, 7 n) of ``summaries`` (L, n, 7) of ``totals`` (L, n) counts; 0 where ``use`` (L, n) is not."""
        variance = self.systematic + self.statistical / np.maximum(totals, np.float32(1.0))[..., None]
        scaled = (summaries - self.typical(pileup)) / np.sqrt(variance)
        scaled[~use] = 0.0
        return np.nan_to_num(np.clip(scaled, -REACH, REACH), nan=0.0).reshape(len(scaled), -1).astype(np.float32)

    def arrays(self) -> dict[str, Float32]:
        """The numbers by name, to be saved."""
        return {
            "centre": self.centre,
            "slope": self.slope,
            "systematic": self.systematic,
            "statistical": self.statistical,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Float32]) -> "FeatureScaling":
        """Inverse of :meth:`arrays`."""
        return cls(arrays["centre"], arrays["slope"], arrays["systematic"], arrays["statistical"])


def fit(summaries: Float32, totals: Float32, pileup: Float32, use: Mask, bins: Indices) -> FeatureScaling:
    """Scaling from good lumisections: ``summaries`` (L, n, 7), ``totals`` (L, n), ``pileup`` (L,), ``use`` (L, n).

    ``bins`` (n,) are the cells of each ME: no spread is taken below a hundredth of a cell.
    """
    counts: Float64 = np.maximum(totals, 1.0).astype(np.float64)
    least = (_LEAST_SHARE / bins[:, None]) ** 2
    parts = []
    for start in range(0, len(bins), _ELEMENTS):
        rows = slice(start, start + _ELEMENTS)
        values = np.where(use[:, rows, None], summaries[:, rows], np.nan).astype(np.float64)
        parts.append(_fit(values, counts[:, rows], pileup, use[:, rows], least[rows]))
    return FeatureScaling(*(np.concatenate(columns).astype(np.float32) for columns in zip(*parts, strict=True)))


def _fit(values: Float64, totals: Float64, pileup: Float32, use: Mask, least: Float64) -> tuple[Float64, ...]:
    """Centre, slope and the two parts of the variance, each (n, 7), of ``values`` (L, n, 7)."""
    weight = np.ones_like(values)
    # The second round gives each lumisection the weight that its statistics deserve.
    for _ in range(2):
        lines = _lines(values, pileup, weight)
        residuals = values - lines[..., 0] - lines[..., 1] * pileup[:, None, None]
        systematic, statistical = _variances(residuals, totals, use)
        systematic = np.maximum(systematic, least)
        variance = systematic + statistical / totals[..., None]
        weight = np.sqrt(np.median(variance, axis=0) / variance)
    centre = np.where(np.any(use, axis=0)[:, None], lines[..., 0], np.nan)
    return centre, lines[..., 1], systematic, statistical


def _lines(values: Float64, pileup: Float32, weight: Float64) -> Float64:
    """Centre and slope (n, 7, 2) of ``values`` (L, n, 7) in pileup."""
    lumisections = len(values)
    flat = weight.reshape(lumisections, -1)
    design = np.stack([flat, flat * pileup[:, None]], axis=-1)
    return fit_lines(design, values.reshape(flat.shape) * flat, _RIDGE).reshape(*values.shape[1:], 2)


def _variances(residuals: Float64, totals: Float64, use: Mask) -> tuple[Float64, Float64]:
    """The two parts (n, 7) of the squared residuals (L, n, 7): least squares in 1/N, neither part below 0.

    Squares are cut at nine times the variance of the round before, so that a few bad lumisections do no harm.
    """
    weight = use.astype(np.float64)[..., None]
    total_weight = np.maximum(weight.sum(axis=0), 1.0)
    inverse = 1.0 / totals[..., None]
    at = (weight * inverse).sum(axis=0) / total_weight
    away = weight * (inverse - at)
    variance = np.square(scale(residuals))
    for _ in range(_ROUNDS):
        squares = np.nan_to_num(np.minimum(np.square(residuals), _OUTLIER**2 * variance))
        mean = (weight * squares).sum(axis=0) / total_weight
        slope = (away * squares).sum(axis=0) / np.maximum(np.square(away).sum(axis=0), 1e-30)
        statistical = np.clip(slope, 0.0, mean / np.maximum(at, 1e-30))
        systematic = np.maximum(mean - statistical * at, 0.0)
        variance = systematic + statistical * inverse
    return systematic, statistical
