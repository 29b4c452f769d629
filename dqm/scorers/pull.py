"""The largest pull of any bin: one dead or hot channel among many good ones."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from dqm.features import FeatureBlock
from dqm.scorers.base import Arrays, Float32, Lesson, require_shape


@dataclass(frozen=True, slots=True)
class PullScorer:
    """Largest absolute beta-binomial pull against the reference (:mod:`dqm.statistics.beta_binomial`)."""

    name: ClassVar[str] = "pull"
    version: ClassVar[int] = 1
    least_histograms: ClassVar[int] = 64
    elements: int
    bins: int

    @classmethod
    def fit(cls, lesson: Lesson) -> Self:
        """Nothing is learned beyond the reference, which the pulls contain."""
        return cls(*lesson.reference.share.shape)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Inverse of :meth:`arrays`."""
        return cls(*(int(size) for size in arrays["shape"]))

    def arrays(self) -> Arrays:
        """The shape."""
        return {"shape": np.array([self.elements, self.bins], dtype=np.float32)}

    def score(self, block: FeatureBlock) -> Float32:
        """Largest absolute pull, (L, n)."""
        require_shape(self.name, (self.elements, self.bins), block)
        largest: Float32 = np.abs(block.pulls).max(axis=-1)
        return largest
