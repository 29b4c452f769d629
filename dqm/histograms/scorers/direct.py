"""Scores that come straight from the pulls: nothing is learned beyond the reference, which the pulls contain."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from dqm.histograms.features import FeatureBlock
from dqm.histograms.occupancy.shapes import Kind
from dqm.histograms.scorers.base import EVERYTHING, Arrays, TrainingData, require_shape
from streams.arrays import Float32


@dataclass(frozen=True, slots=True)
class _Direct:
    """The frame: what is kept is the shape that it was made for."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    least_histograms: ClassVar[int] = 1
    judges: ClassVar[frozenset[Kind]] = EVERYTHING
    elements: int
    bins: int

    @classmethod
    def fit(cls, training: TrainingData) -> Self:
        """Note the shape."""
        return cls(*training.reference.share.shape)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Inverse of :meth:`arrays`."""
        return cls(*(int(size) for size in arrays["shape"]))

    def arrays(self) -> Arrays:
        """The shape."""
        return {"shape": np.array([self.elements, self.bins], dtype=np.float32)}

    def require(self, block: FeatureBlock) -> Float32:
        """The pulls (L, n, bins); raises ShapeMismatchError."""
        require_shape(self.name, (self.elements, self.bins), block)
        return block.pulls


class PullScorer(_Direct):
    """Largest absolute pull (:mod:`dqm.statistics.beta_binomial`): one dead or hot channel among many good ones."""

    name: ClassVar[str] = "pull"

    def score(self, block: FeatureBlock) -> Float32:
        """Largest absolute pull, (L, n)."""
        largest: Float32 = np.abs(self.require(block)).max(axis=-1)
        return largest


class ChiSquareScorer(_Direct):
    """Mean squared pull: many bins that are a little wrong."""

    name: ClassVar[str] = "chi2"

    def score(self, block: FeatureBlock) -> Float32:
        """Chi-square divided by the number of bins, (L, n)."""
        pulls = self.require(block)
        squares: Float32 = np.vecdot(pulls, pulls)
        return squares / np.float32(self.bins)
