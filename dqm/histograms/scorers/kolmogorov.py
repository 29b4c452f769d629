"""Kolmogorov's distance of cumulative distributions: shifts and changes of scale.

Distances are between cumulative sums, never between bin contents, at up to :data:`POINTS` places. Scaled by the square
root of the number of counts they have Kolmogorov's distribution for a continuous variable and a perfectly known
reference (A. Kolmogorov 1933; M. A. Stephens, JASA 69 (1974) 730 for the correction of small samples); binning makes
them smaller, never larger. Maps are taken cell by cell in the order in which they are flattened.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from dqm.histograms.features import FeatureBlock
from dqm.histograms.occupancy.shapes import Kind
from dqm.histograms.references.frozen import FrozenReference
from dqm.histograms.scorers.base import EVERYTHING, Arrays, TrainingData, require_shape
from streams.arrays import Float32

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


@dataclass(frozen=True, slots=True, eq=False)
class KolmogorovScorer:
    """Distance to the reference in units of its statistical spread and of how far good ones wander.

    ``share`` and ``slope`` (n, points) are the reference's cumulative sums, ``modes`` (k, n, points) those of its
    movements, which are taken out of the distance. ``wander`` (n,) is the mean squared distance of good
    lumisections beyond statistics, as a share of all counts.
    """

    name: ClassVar[str] = "kolmogorov"
    version: ClassVar[int] = 1
    least_histograms: ClassVar[int] = 1
    judges: ClassVar[frozenset[Kind]] = EVERYTHING
    grid: Float32
    share: Float32
    slope: Float32
    modes: Float32
    wander: Float32

    @classmethod
    def fit(cls, training: TrainingData) -> Self:
        """Cumulate the reference and see how far good lumisections wander from it."""
        reference, block, use = training.reference, training.block, training.use
        steps = grid(reference.share.shape[1])
        # A pull of one is a change of sqrt(N share) counts.
        movements = (reference.modes.directions * np.sqrt(reference.share)) @ steps
        nowhere = np.zeros(len(reference.share), dtype=np.float32)
        still = cls(steps, reference.share @ steps, reference.slope @ steps, movements, nowhere)
        squares = np.where(use, still.score(block).astype(np.float64) ** 2, 0.0)
        histograms = np.maximum(use.sum(axis=0), 1)
        # The mean square of Kolmogorov's distribution is pi^2 / 12; what exceeds it is systematic.
        beyond = np.maximum(squares.sum(axis=0) / histograms - np.pi**2 / 12, 0.0)
        counts = np.where(use, block.totals, 0.0).sum(axis=0, dtype=np.float64) / histograms
        wander = (beyond / np.maximum(counts, 1.0)).astype(np.float32)
        return replace(still, wander=wander)

    def against(self, reference: FrozenReference) -> Self:
        """The same scorer for the shapes of another reference; how far good lumisections wander stays."""
        return replace(self, share=reference.share @ self.grid)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Inverse of :meth:`arrays`."""
        return cls(arrays["grid"], arrays["share"], arrays["slope"], arrays["modes"], arrays["wander"])

    def arrays(self) -> Arrays:
        """Grid, cumulative reference and wandering."""
        return {"grid": self.grid, "share": self.share, "slope": self.slope, "modes": self.modes, "wander": self.wander}

    def score(self, block: FeatureBlock) -> Float32:
        """Scaled distance, (L, n)."""
        require_shape(self.name, (len(self.share), len(self.grid)), block)
        # Sums of whole numbers are exact in any order, so that the matrix product is the same for any L.
        cumulative = block.counts @ self.grid
        expected = (self.share + self.slope * block.pileup[:, None, None]) * block.totals[..., None]
        root = np.sqrt(block.totals)
        for place, movement in enumerate(self.modes):
            expected += (block.amplitudes[..., place] * root)[..., None] * movement
        scaled = scaled_distance(cumulative, expected, block.totals)
        score: Float32 = scaled / np.sqrt(np.float32(1.0) + self.wander * block.totals)
        return score
