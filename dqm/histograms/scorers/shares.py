"""Scores on shares of all counts, which need no model of counting errors.

Where a histogram holds millions of counts, what separates good runs from each other is not chance but the spread of
the detector from run to run. Both scorers learn that spread from good histograms, and add to it what chance makes of a
share: the square root of a share of N counts has the variance 1 / 4N whatever the share (M. S. Bartlett, J. R. Stat.
Soc. Suppl. 3 (1936) 68). Training may be contaminated: what looks worst is left out, twice.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from dqm.histograms.features import FeatureBlock
from dqm.histograms.occupancy.shapes import Kind
from dqm.histograms.scorers.base import EVERYTHING, Arrays, TrainingData, require_shape
from dqm.statistics.robust import median, scale
from streams.arrays import Float32, Float64, Mask

MODES = 3
TRIMMED_SHARE = 0.1
"""Share of the training set that is left out in each of two rounds."""
PRIOR_HISTOGRAMS = 5.0
"""The spread of a bin is drawn towards that of the ME's middle bin as if by so many more histograms."""
LEAST_SPREAD = 1e-4
"""Of a root share, so that a bin which never moved is not infinitely unlikely to move."""


class ShareModesScorer:
    """Squared distance of the root shares from their first principal components, in units of the ordinary one.

    Q or SPE statistic (J. E. Jackson, G. S. Mudholkar, Technometrics 21 (1979) 341), with trimmed refits.
    """

    name: ClassVar[str] = "share-modes"
    version: ClassVar[int] = 1
    least_histograms: ClassVar[int] = 1
    judges: ClassVar[frozenset[Kind]] = EVERYTHING

    def __init__(self, mean: Float32, directions: Float32, spread: Float32) -> None:
        """``mean`` (n, bins), ``directions`` (k, n, bins) of unit length or zero, ``spread`` (n,) of the distance."""
        self._mean = mean
        self._directions = directions
        self._spread = spread

    @classmethod
    def fit(cls, training: TrainingData) -> Self:
        """Components of each ME, twice made again without the worst tenth."""
        roots = root_shares(training.block.counts, training.block.totals).astype(np.float64)
        noise = _chance(training.block.totals, roots.shape[-1])
        _, n, bins = roots.shape
        mean = np.full((n, bins), np.sqrt(1.0 / bins))
        directions = np.zeros((MODES, n, bins))
        spread = np.ones(n)
        for me in range(n):
            rows = np.flatnonzero(training.use[:, me])
            if not len(rows):
                continue
            own = roots[rows, me]
            mean[me], components = _trimmed(own)
            directions[: len(components), me] = components
            beyond = np.median(_distances(own, mean[me], components) - noise[rows, me])
            spread[me] = max(float(beyond), bins * LEAST_SPREAD**2)
        return cls(mean.astype(np.float32), directions.astype(np.float32), spread.astype(np.float32))

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Inverse of :meth:`arrays`."""
        return cls(arrays["mean"], arrays["directions"], arrays["spread"])

    def arrays(self) -> Arrays:
        """Centre, components and ordinary distance."""
        return {"mean": self._mean, "directions": self._directions, "spread": self._spread}

    def score(self, block: FeatureBlock) -> Float32:
        """Distance in units of what good histograms of as many counts have, (L, n)."""
        require_shape(self.name, self._mean.shape, block)
        away = root_shares(block.counts, block.totals) - self._mean
        for direction in self._directions:
            away -= np.vecdot(away, direction)[..., None] * direction
        distance: Float32 = np.vecdot(away, away)
        return distance / (self._spread + _chance(block.totals, away.shape[-1]))


@dataclass(frozen=True, slots=True, eq=False)
class LargestShareScorer:
    """Largest departure of a bin's root share from its median, in robust standard deviations of good histograms.

    ``centre``, the median, and ``spread`` are (n, bins).
    """

    name: ClassVar[str] = "largest-share"
    version: ClassVar[int] = 1
    least_histograms: ClassVar[int] = 1
    judges: ClassVar[frozenset[Kind]] = EVERYTHING
    centre: Float32
    spread: Float32

    @classmethod
    def fit(cls, training: TrainingData) -> Self:
        """Median and MAD of each bin, the latter shrunk towards that of the ME."""
        roots = root_shares(training.block.counts, training.block.totals).astype(np.float64)
        histograms = training.use.sum(axis=0)
        is_used = histograms > 0
        masked = np.where(training.use[..., None], roots, np.nan)[:, is_used]
        bins = roots.shape[-1]
        centre = np.full(roots.shape[1:], np.sqrt(1.0 / bins))
        spread = np.ones(roots.shape[1:])
        centre[is_used] = median(masked)
        own = scale(masked - centre[is_used])
        middle = np.median(own, axis=-1, keepdims=True)
        weight = histograms[is_used][:, None]
        spread[is_used] = np.sqrt((weight * own**2 + PRIOR_HISTOGRAMS * middle**2) / (weight + PRIOR_HISTOGRAMS))
        return cls(centre.astype(np.float32), np.maximum(spread, LEAST_SPREAD).astype(np.float32))

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Inverse of :meth:`arrays`."""
        return cls(arrays["centre"], arrays["spread"])

    def arrays(self) -> Arrays:
        """Median and spread."""
        return {"centre": self.centre, "spread": self.spread}

    def score(self, block: FeatureBlock) -> Float32:
        """Largest departure, (L, n)."""
        require_shape(self.name, self.centre.shape, block)
        away: Float32 = root_shares(block.counts, block.totals) - self.centre
        chance = np.float32(0.25) / np.maximum(block.totals, np.float32(1.0))
        deviations: Float32 = np.sqrt(np.square(self.spread) + chance[..., None])
        largest: Float32 = np.abs(away / deviations).max(axis=-1)
        return largest


def root_shares(counts: Float32, totals: Float32) -> Float32:
    """Square roots of shares, zero where a histogram is empty: ``counts`` (L, n, bins), ``totals`` (L, n)."""
    roots: Float32 = np.sqrt(counts / np.maximum(totals, np.float32(1e-30))[..., None])
    return roots


def _chance(totals: Float32, bins: int) -> Float32:
    """Squared distance that counting alone makes."""
    chance: Float32 = (0.25 * bins / np.maximum(totals, 1.0)).astype(np.float32)
    return chance


def _trimmed(roots: Float64) -> tuple[Float64, Float64]:
    """Mean and components of ``roots`` (R, bins) without the worst tenth, by two rounds."""
    use: Mask = np.ones(len(roots), dtype=np.bool_)
    mean, components = _principal(roots)
    for _ in range(2):
        distances = _distances(roots, mean, components)
        use = distances <= np.quantile(distances, 1.0 - TRIMMED_SHARE)
        mean, components = _principal(roots[use])
    return mean, components


def _principal(roots: Float64) -> tuple[Float64, Float64]:
    """Mean and up to three leading unit vectors; fewer where there are hardly more histograms than that."""
    mean = roots.mean(axis=0)
    away = roots - mean
    count = min(MODES, len(roots) // 4, roots.shape[1] // 4)
    if count < 1:
        return mean, np.empty((0, roots.shape[1]))
    wide = len(away) < away.shape[1]
    values, vectors = np.linalg.eigh(away @ away.T if wide else away.T @ away)
    leading = vectors[:, ::-1][:, :count].T
    if wide:
        leading = leading @ away / np.sqrt(np.maximum(values[::-1][:count, None], 1e-300))
        leading[values[::-1][:count] <= 1e-20] = 0.0
    return mean, leading


def _distances(roots: Float64, mean: Float64, components: Float64) -> Float64:
    away = roots - mean
    away = away - away @ components.T @ components
    distances: Float64 = np.vecdot(away, away)
    return distances
