"""Regions of a map that are dead or hot together, each cell too little to be seen alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from dqm.features import FeatureBlock
from dqm.occupancy.kinds import Kind
from dqm.occupancy.maps import neighbourhoods
from dqm.scorers.base import LEAST_PRECISION, Arrays, Float32, Lesson, require_shape

if TYPE_CHECKING:
    from dqm.models.occupancy_autoencoder import OccupancyAutoencoder

INPUT_REACH = 6.0
"""Pulls enter the network within plus and minus this: a fault must not drive its own reconstruction."""


@dataclass(frozen=True, slots=True, eq=False)
class OccupancyMapScorer:
    """Largest deviation of 3 x 3 cells that a convolutional autoencoder does not reconstruct.

    Pulls are deviations from the mean good map in units of their spread, so that the spatial correction of
    :mod:`dqm.occupancy.maps` is in them. Only for MEs with two axes.
    """

    name: ClassVar[str] = "occupancy-map"
    version: ClassVar[int] = 1
    least_histograms: ClassVar[int] = 256
    judges: ClassVar[frozenset[Kind]] = frozenset({Kind.MAP})
    elements: int
    shape: tuple[int, int]
    model: "OccupancyAutoencoder"

    @classmethod
    def fit(cls, lesson: Lesson) -> Self:
        """Train a network on the pulls of all maps of the group."""
        from dqm.models.occupancy_autoencoder import train  # noqa: PLC0415 - TensorFlow takes seconds to import

        rows, columns = lesson.shape
        block = lesson.block
        seen = block.precision[lesson.use] >= LEAST_PRECISION
        maps = np.clip(block.pulls[lesson.use], -INPUT_REACH, INPUT_REACH) * seen
        return cls(len(lesson.reference.share), (rows, columns), train(maps.reshape(-1, rows, columns), lesson.seed))

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Inverse of :meth:`arrays`."""
        from dqm.models.occupancy_autoencoder import OccupancyAutoencoder  # noqa: PLC0415 - as above

        elements, rows, columns = (int(size) for size in arrays["shape"])
        weights = tuple(arrays[f"weight{place}"] for place in range(len(arrays) - 1))
        return cls(elements, (rows, columns), OccupancyAutoencoder(weights))

    def arrays(self) -> Arrays:
        """The shape and the weights."""
        weights = {f"weight{place}": weight for place, weight in enumerate(self.model.weights)}
        return {"shape": np.array([self.elements, *self.shape], dtype=np.float32), **weights}

    def score(self, block: FeatureBlock) -> Float32:
        """Largest absolute deviation of a neighbourhood, in standard deviations, (L, n)."""
        rows, columns = self.shape
        require_shape(self.name, (self.elements, rows * columns), block)
        seen = (block.precision >= LEAST_PRECISION).astype(np.float32).reshape(-1, rows, columns)
        pulls = block.pulls.reshape(seen.shape)
        residual = pulls - self.model.reconstructed(np.clip(pulls, -INPUT_REACH, INPUT_REACH) * seen)
        largest: Float32 = np.abs(neighbourhoods(residual, seen)).max(axis=(1, 2))
        return largest.reshape(block.totals.shape)
