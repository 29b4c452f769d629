"""What a run leaves for the references of later ones: sums of its counts, exact and free of order.

Every ``EVERY``-th lumisection adds its histograms: to the *trusted* sums those that are good with confidence, to
the *held* ones those that are not. Only whole numbers are added, so that parts may come in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.records import Catalogue, Counts, LumisectionKey

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]

EVERY = 8
"""Lumisections whose number this divides are added; a whole run has number 0."""
TRUST_P = 0.05
"""A histogram is good with confidence if its p-value is above this."""
PILEUP_STEPS = 1024
"""Standardised pileup is counted in steps of one over this."""
TRUSTED, HELD = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class RunSums:
    """Sums over histograms of n MEs with ``cells`` bins in all, in catalogue order; trusted ones, then held ones.

    ``counts`` (2, cells); ``leaning`` (2, n): counts times standardised pileup in steps; ``histograms`` (2, n).
    """

    counts: Int64
    leaning: Int64
    histograms: Int64

    @classmethod
    def nothing(cls, catalogue: Catalogue) -> "RunSums":
        """Sums over no histograms."""
        cells, n = cells_of(catalogue), len(catalogue)
        return cls(*(np.zeros((2, size), dtype=np.int64) for size in (cells, n, n)))

    def __add__(self, other: "RunSums") -> "RunSums":
        """Sums over the histograms of both."""
        return RunSums(self.counts + other.counts, self.leaning + other.leaning, self.histograms + other.histograms)

    def only(self, rows: Rows, catalogue: Catalogue) -> "RunSums":
        """The sums of some MEs (n,), zero for the others."""
        cells = np.concatenate([np.repeat(rows[block.start : block.stop], block.bins) for block in catalogue.blocks])
        return RunSums(self.counts * cells, self.leaning * rows, self.histograms * rows)


def cells_of(catalogue: Catalogue) -> int:
    """Bins of all MEs together."""
    return sum((block.stop - block.start) * block.bins for block in catalogue.blocks)


def is_sampled(key: LumisectionKey) -> bool:
    """Whether the lumisection adds to the sums."""
    return key.ls % EVERY == 0


def sums(counts: Sequence[Counts], p_values: npt.NDArray[np.float32], pileup: float) -> RunSums:
    """Sums over the histograms of one lumisection: ``counts`` of each group, ``p_values`` (n,), NaN: not inspected."""
    whole = [np.rint(one).astype(np.int64) for one in counts]
    totals = np.concatenate([one.sum(axis=1) for one in whole])
    with np.errstate(invalid="ignore"):
        kinds = np.stack([p_values > TRUST_P, p_values <= TRUST_P]).astype(np.int64)
    widths = np.concatenate([np.full(len(one), one.shape[1]) for one in whole])
    flat = np.concatenate([one.ravel() for one in whole])
    steps = round(pileup * PILEUP_STEPS)
    return RunSums(flat * np.repeat(kinds, widths, axis=1), totals * steps * kinds, kinds)
