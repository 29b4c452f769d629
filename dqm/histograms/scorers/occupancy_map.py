"""Cells of a map that are dead or hot, alone or as a region of which no cell can be seen by itself."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from dqm.histograms.features import FeatureBlock, features
from dqm.histograms.occupancy.injected_faults import inject_map_faults
from dqm.histograms.occupancy.shapes import Kind, neighbourhoods
from dqm.histograms.scorers.base import LEAST_PRECISION, Arrays, TrainingData, require_shape
from dqm.networks.map_autoencoder import MapAutoencoder
from dqm.statistics.classification import auc
from dqm.statistics.robust import scale
from streams.arrays import Float32, Float64, Indices, Mask

INPUT_REACH = 6.0
"""Pulls enter the network within plus and minus this: a fault must not drive its own reconstruction."""
NETWORK_MAPS = 256
"""Good maps of a group below which no network is tried."""
LEAST_GAIN = 0.01
"""A network is kept if faults put into maps that it has not seen are told from good ones by so much more AUC."""

_EARLY = 0.75
_MOST_HELD = 256
_ROUNDS = 3
_MOST_LOG = 80.0


@dataclass(frozen=True, slots=True, eq=False)
class OccupancyMapScorer:
    """Largest deviation of a cell, or of 3 x 3 cells together, whichever is rarer among good maps.

    Pulls are deviations from the mean good map in units of their spread, so that the spatial correction of
    :mod:`dqm.histograms.occupancy.shapes` is in them. A convolutional autoencoder takes out what good maps do together,
    where it has been seen to help; elsewhere ``model`` is None. ``factor`` (n,) and ``power`` turn the deviation of 3 x
    3 cells into that of one cell which is as rare. Only for MEs with two axes.
    """

    name: ClassVar[str] = "occupancy-map"
    version: ClassVar[int] = 2
    least_histograms: ClassVar[int] = 64
    judges: ClassVar[frozenset[Kind]] = frozenset({Kind.MAP})
    shape: tuple[int, int]
    factor: Float32
    power: float
    model: MapAutoencoder | None

    @classmethod
    def fit(cls, training: TrainingData) -> Self:
        """See how far good maps deviate; with enough of them try a network, and keep it if it helps."""
        rows, columns = training.shape
        unscaled = cls((rows, columns), np.ones(len(training.reference.share), dtype=np.float32), 1.0, None)
        plain = unscaled.scaled(training.block, training.use)
        late = np.arange(len(training.use)) >= _EARLY * len(training.use)
        early = training.use & ~late[:, None]
        if training.use.sum() < NETWORK_MAPS or not early.any():
            return plain
        network = replace(unscaled, model=_trained(training, early)).scaled(training.block, training.use)
        plain_auc, network_auc = _areas(training, np.flatnonzero(late), (plain, network))
        return network if network_auc > plain_auc + LEAST_GAIN else plain

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Inverse of :meth:`arrays`."""
        rows, columns = (int(size) for size in arrays["shape"])
        weights = tuple(arrays[f"weight{place}"] for place in range(len(arrays) - 3))
        if not weights:
            return cls((rows, columns), arrays["factor"], float(arrays["power"]), None)
        return cls((rows, columns), arrays["factor"], float(arrays["power"]), MapAutoencoder(weights))

    def arrays(self) -> Arrays:
        """Shape, scale and, where there is a network, its weights."""
        weights = () if self.model is None else self.model.weights
        return {
            "shape": np.array(self.shape, dtype=np.float32),
            "factor": self.factor,
            "power": np.array(self.power, dtype=np.float32),
            **{f"weight{place}": weight for place, weight in enumerate(weights)},
        }

    def scaled(self, block: FeatureBlock, use: Mask) -> Self:
        """The same, with the scale that good maps ``use`` (L, n) of the block ask for."""
        logs = np.log(np.maximum(np.array(self.largest(block), dtype=np.float64), 1e-3))
        logs[:, ~use] = np.nan
        middle = np.array([_medians(log) for log in logs])
        alone, together = (float(scale((log - own).ravel())) for log, own in zip(logs, middle, strict=True))
        power = np.float32(alone / together if min(alone, together) > 0 else 1.0)
        factor = np.exp(middle[0] - power * middle[1])
        return replace(self, factor=factor.astype(np.float32), power=float(power))

    def score(self, block: FeatureBlock) -> Float32:
        """Largest absolute deviation of a cell in standard deviations, or what is as rare, (L, n)."""
        alone, together = self.largest(block)
        logs = np.log(np.maximum(together, np.float32(1e-9)), dtype=np.float32) * np.float32(self.power)
        score: Float32 = np.maximum(alone, self.factor * np.exp(np.minimum(logs, np.float32(_MOST_LOG))))
        return score

    def largest(self, block: FeatureBlock) -> tuple[Float32, Float32]:
        """Largest absolute deviation of one cell and of 3 x 3 cells, (L, n) each."""
        deviations, filled = self.deviations(block)
        alone: Float32 = np.abs(deviations * filled).max(axis=(1, 2))
        together: Float32 = np.abs(neighbourhoods(deviations, filled)).max(axis=(1, 2))
        return alone.reshape(block.totals.shape), together.reshape(block.totals.shape)

    def deviations(self, block: FeatureBlock) -> tuple[Float32, Float32]:
        """Pulls less what the network reconstructs, and which cells say anything (1, else 0); (L n, rows, columns)."""
        require_shape(self.name, (len(self.factor), self.shape[0] * self.shape[1]), block)
        filled = (block.precision >= LEAST_PRECISION).astype(np.float32).reshape(-1, *self.shape)
        pulls = block.pulls.reshape(filled.shape)
        if self.model is None:
            return pulls, filled
        return pulls - self.model.reconstructed(np.clip(pulls, -INPUT_REACH, INPUT_REACH) * filled), filled


def _medians(logs: Float64) -> Float64:
    """Median (n,) of ``logs`` (L, n), NaN left out; that of all where there are none."""
    has_finite = ~np.isnan(logs).all(axis=0)
    medians = np.full(logs.shape[1], np.nanmedian(logs))
    medians[has_finite] = np.nanmedian(logs[:, has_finite], axis=0)
    return medians


def _trained(training: TrainingData, use: Mask) -> MapAutoencoder:
    """A network of the pulls of good maps ``use`` (L, n)."""
    from dqm.networks.training.map_autoencoder import train  # noqa: PLC0415 - TensorFlow takes seconds to import

    filled = training.block.precision[use] >= LEAST_PRECISION
    maps = np.clip(training.block.pulls[use], -INPUT_REACH, INPUT_REACH) * filled
    return train(maps.reshape(-1, *training.shape), training.seed)


def _areas(training: TrainingData, rows: Indices, scorers: tuple[OccupancyMapScorer, ...]) -> list[float]:
    """AUC of each scorer for good maps in some lumisections ``rows`` against the same ones spoilt."""
    rng = np.random.default_rng(training.seed)
    rows = rows[:: max(1, int(training.use[rows].sum()) // _MOST_HELD)]
    use, pileup = training.use[rows], training.block.pileup[rows]
    counts = training.block.counts[rows]
    maps = counts.reshape(-1, *training.shape)
    good = features(counts, pileup, training.reference)
    bad = [
        features(inject_map_faults(maps, rng).reshape(counts.shape), pileup, training.reference) for _ in range(_ROUNDS)
    ]
    aucs = []
    for scorer in scorers:
        scores = np.concatenate([scorer.score(block)[use] for block in (good, *bad)])
        aucs.append(auc(scores, np.arange(len(scores)) >= use.sum()))
    return aucs
