"""What a network that has only seen good lumisections cannot reconstruct."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from dqm.histograms.features import FeatureBlock
from dqm.histograms.occupancy.shapes import Kind
from dqm.histograms.scorers.base import EVERYTHING, Arrays, TrainingData, require_shape
from dqm.networks.pull_autoencoder import PullAutoencoder
from streams.arrays import Float32


@dataclass(frozen=True, slots=True, eq=False)
class AutoencoderScorer:
    """Root mean fourth power of the residual pulls after reconstruction (:mod:`dqm.networks.pull_autoencoder`).

    The fourth power plays the part of the TOP-100 mean of A. Pol et al. (EPJ Web Conf. 214 (2019) 06008):
    bins that behave well must not dilute those that do not.
    """

    name: ClassVar[str] = "autoencoder"
    version: ClassVar[int] = 1
    least_histograms: ClassVar[int] = 1000
    judges: ClassVar[frozenset[Kind]] = EVERYTHING
    elements: int
    bins: int
    model: PullAutoencoder

    @classmethod
    def fit(cls, training: TrainingData) -> Self:
        """Train a network on the pulls of all MEs of the group."""
        from dqm.networks.training.pull_autoencoder import train  # noqa: PLC0415 - TensorFlow takes seconds to import

        elements, bins = training.reference.share.shape
        model = train(training.block.pulls[training.use], training.block.precision[training.use], training.seed)
        return cls(elements, bins, model)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Inverse of :meth:`arrays`."""
        elements, bins = (int(size) for size in arrays["shape"])
        weights = tuple(arrays[f"weight{place}"] for place in range(len(arrays) - 1))
        return cls(elements, bins, PullAutoencoder(weights))

    def arrays(self) -> Arrays:
        """The shape and the weights."""
        weights = {f"weight{place}": weight for place, weight in enumerate(self.model.weights)}
        return {"shape": np.array([self.elements, self.bins], dtype=np.float32), **weights}

    def score(self, block: FeatureBlock) -> Float32:
        """Root mean fourth power of the residuals, (L, n)."""
        require_shape(self.name, (self.elements, self.bins), block)
        return self.model.errors(block.pulls, block.precision)
