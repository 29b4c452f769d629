"""Regions of a strip of channels that look dead, inefficient or hot to a network that was shown such faults."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from dqm.histograms.features import FeatureBlock, features
from dqm.histograms.occupancy.injected_faults import inject_strip_faults
from dqm.histograms.occupancy.shapes import Kind, prepared
from dqm.histograms.scorers.base import Arrays, TrainingData, require_shape
from dqm.networks.strip_cnn import StripCnn
from dqm.statistics.beta_binomial import ratios
from streams.arrays import Float32, Mask

if TYPE_CHECKING:
    from dqm.networks.training.strip_cnn import LabelledStrips

MOST_STRIPS = 4_000
"""Good strips that are learned from at most; as many are spoilt."""


@dataclass(frozen=True, slots=True, eq=False)
class OccupancyStripScorer:
    """-ln of the probability that a strip is good, by the local network of :mod:`dqm.networks.strip_cnn`.

    There are no labels: the bad strips that it learns are good ones with faults put in
    (:mod:`dqm.histograms.occupancy.injected_faults`). A strip is divided by its reference before it is prepared.
    ``rows`` (n,) says which MEs of the group are strips; the others score zero.
    """

    name: ClassVar[str] = "occupancy-strip"
    version: ClassVar[int] = 1
    least_histograms: ClassVar[int] = 1000
    judges: ClassVar[frozenset[Kind]] = frozenset({Kind.STRIP})
    bins: int
    rows: Mask
    model: StripCnn

    @classmethod
    def fit(cls, training: TrainingData) -> Self:
        """Train on strips of the group, good and spoilt; the latest fifth of the lumisections says when to stop."""
        from dqm.networks.training.strip_cnn import train  # noqa: PLC0415 - TensorFlow takes seconds to import

        rng = np.random.default_rng(training.seed)
        use = _drawn(training.use, rng)
        late = np.arange(len(use)) >= len(use) * 4 // 5
        learn = _labelled(training, use & ~late[:, None], rng)
        model = train(learn, _labelled(training, use & late[:, None], rng), training.seed)
        rows: Mask = np.any(training.use, axis=0, keepdims=True)[0]
        return cls(training.block.counts.shape[-1], rows, model)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Inverse of :meth:`arrays`."""
        weights = tuple(arrays[f"weight{place}"] for place in range(len(arrays) - 2))
        return cls(int(arrays["bins"]), arrays["rows"] > 0, StripCnn(weights))

    def arrays(self) -> Arrays:
        """The number of bins, the rows and the weights."""
        weights = {f"weight{place}": weight for place, weight in enumerate(self.model.weights)}
        return {"bins": np.array(self.bins, dtype=np.float32), "rows": self.rows.astype(np.float32), **weights}

    def score(self, block: FeatureBlock) -> Float32:
        """-ln of the probability of a good strip, (L, n)."""
        require_shape(self.name, (len(self.rows), self.bins), block)
        scores = np.zeros(block.totals.shape, dtype=np.float32)
        strips = ratios(block.pulls[:, self.rows], block.precision[:, self.rows])
        surprise = self.model.surprise(prepared(strips.reshape(-1, self.bins)))
        scores[:, self.rows] = surprise.reshape(len(scores), -1)
        return scores


def _drawn(use: Mask, rng: np.random.Generator) -> Mask:
    """As many of the histograms ``use`` (L, n) as are learned from."""
    share = MOST_STRIPS / max(int(use.sum()), 1)
    return use & (rng.random(use.shape) < share)


def _labelled(training: TrainingData, use: Mask, rng: np.random.Generator) -> "LabelledStrips":
    """Good strips and spoilt ones, both as they are and mirrored."""
    from dqm.networks.training.strip_cnn import LabelledStrips  # noqa: PLC0415 - as above

    block = training.block
    counts = block.counts.copy()
    counts[use], possible = inject_strip_faults(block.counts[use], rng)
    broken = features(counts, block.pileup, training.reference)
    good = prepared(ratios(block.pulls[use], block.precision[use]))
    bad = prepared(ratios(broken.pulls[use], broken.precision[use]))[possible]
    strips = np.concatenate([good, bad])
    labels = np.repeat([False, True], [len(good), len(bad)])
    return LabelledStrips(np.concatenate([strips, strips[:, ::-1]]), np.tile(labels, 2))
