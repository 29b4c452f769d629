"""Everything learned about one group: the MEs of one subsystem that have one shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dqm.histograms.features import CHUNK_CELLS, features
from dqm.histograms.occupancy.shapes import Kind
from dqm.histograms.references.frozen import FrozenReference
from dqm.histograms.scorers import REGISTRY
from dqm.histograms.scorers.base import Scorer, TrainingData
from streams.arrays import Float32, Mask


@dataclass(frozen=True, slots=True)
class Members:
    """The MEs of a group: the ``shape`` of their histograms, and of which kind each is."""

    shape: tuple[int, ...]
    kinds: tuple[Kind, ...]

    def judged_by(self, scorer: type[Scorer]) -> Mask:
        """Which of them (n,) the scorer is made for."""
        return np.array([kind in scorer.judges for kind in self.kinds], dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A reference and the scorers, by name, that judge against it."""

    reference: FrozenReference
    scorers: Mapping[str, Scorer]

    def only(self, *groups: "Group") -> "Group":
        """With those scorers that all ``groups`` have too."""
        return Group(
            self.reference,
            {name: own for name, own in self.scorers.items() if all(name in other.scorers for other in groups)},
        )

    def covered(self, members: Members, names: Sequence[str]) -> Mask:
        """Which of the scorers ``names`` judge which of the group's MEs, (k, n)."""
        nobody = np.zeros(len(members.kinds), dtype=np.bool_)
        return np.array([members.judged_by(REGISTRY[name]) if name in self.scorers else nobody for name in names])

    def score(self, counts: Float32, pileup: Float32, names: Sequence[str]) -> tuple[Float32, Float32]:
        """Scores (k, L, n) by the scorers ``names``, and totals (L, n), of ``counts`` (L, n, bins).

        ``pileup`` (L,) is standardised. The scores of a lumisection depend on nothing but its own counts. A scorer
        that the group does not have scores zero.
        """
        lumisections, elements, bins = counts.shape
        scores = np.zeros((len(names), lumisections, elements), dtype=np.float32)
        totals = np.empty((lumisections, elements), dtype=np.float32)
        step = max(1, CHUNK_CELLS // (elements * bins))
        for start in range(0, lumisections, step):
            part = slice(start, start + step)
            block = features(counts[part], pileup[part], self.reference)
            totals[part] = block.totals
            for place, name in enumerate(names):
                if name in self.scorers:
                    scores[place, part] = self.scorers[name].score(block)
        return scores, totals


def scorers(groups: Sequence[Group]) -> tuple[str, ...]:
    """Names of the scorers that any of the ``groups`` has, in the order of the registry."""
    return tuple(name for name in REGISTRY if any(name in group.scorers for group in groups))


def fit(
    counts: Float32,
    pileup: Float32,
    use: Mask,
    reference: FrozenReference,
    seed: int,
    members: Members,
    names: Sequence[str],
) -> Group:
    """Train the scorers ``names`` of the registry on good lumisections (L, n, bins) in time order.

    A scorer that needs more histograms of its kinds than there are is left out of the group.
    """
    block = features(counts, pileup, reference)
    learned: dict[str, Scorer] = {}
    for name in names:
        scorer = REGISTRY[name]
        own = use & members.judged_by(scorer)
        if own.sum() >= scorer.least_histograms:
            learned[name] = scorer.fit(TrainingData(block, own, reference, seed, members.shape))
    return Group(reference, learned)
