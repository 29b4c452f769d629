"""Everything learned about one group: the MEs of one subsystem that have one shape."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dqm.features import CHUNK_CELLS, features
from dqm.references.frozen import FrozenReference
from dqm.scorers import REGISTRY
from dqm.scorers.base import Lesson, Scorer

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A reference and the scorers, by name, that judge against it."""

    reference: FrozenReference
    scorers: Mapping[str, Scorer]

    def score(self, counts: Float32, pileup: Float32) -> tuple[Float32, Float32]:
        """Scores (k, L, n) in the order of the registry, and totals (L, n), of ``counts`` (L, n, bins).

        ``pileup`` (L,) is standardised. The scores of a lumisection depend on nothing but its own counts.
        """
        lumisections, elements, bins = counts.shape
        scores = np.zeros((len(REGISTRY), lumisections, elements), dtype=np.float32)
        totals = np.empty((lumisections, elements), dtype=np.float32)
        step = max(1, CHUNK_CELLS // (elements * bins))
        for start in range(0, lumisections, step):
            part = slice(start, start + step)
            block = features(counts[part], pileup[part], self.reference)
            totals[part] = block.totals
            for place, name in enumerate(REGISTRY):
                if name in self.scorers:
                    scores[place, part] = self.scorers[name].score(block)
        return scores, totals


def fit(counts: Float32, pileup: Float32, use: npt.NDArray[np.bool_], reference: FrozenReference, seed: int) -> Group:
    """Train the scorers of the registry on good lumisections (L, n, bins) in time order.

    A scorer that needs more histograms than there are is left out of the group.
    """
    enough = {name: kind for name, kind in REGISTRY.items() if use.sum() >= kind.least_histograms}
    lesson = Lesson(features(counts, pileup, reference), use, reference, seed)
    return Group(reference, {name: kind.fit(lesson) for name, kind in enough.items()})
