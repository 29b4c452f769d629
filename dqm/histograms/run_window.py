"""The latest whole runs, from which the expectation for the next one is learned."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from dqm.core.drift import HELD_BACK, Earlier
from streams.arrays import Float32, Int64, Mask, NamedArrays

MOST_RUNS = 100
"""Enough to tell 1 in 100 and few enough to follow a detector that drifts."""


@dataclass(frozen=True, slots=True, eq=False)
class RunWindow:
    """Runs by number ``runs`` (R,), the nearest last: ``counts`` (R, cells) of all MEs in catalogue order.

    ``present`` (R, n) marks the MEs that the run has, ``alarmed`` (R, n) those that alarmed.
    """

    runs: Int64
    counts: Float32
    present: Mask
    alarmed: Mask

    @classmethod
    def of(cls, runs: Int64, counts: Sequence[Float32], present: Mask) -> Self:
        """The latest of R good runs with ``counts`` (R, n, bins) of each group."""
        flat = np.concatenate([block.reshape(len(runs), -1) for block in counts], axis=1)
        latest = np.argsort(runs, kind="stable")[-MOST_RUNS:]
        return cls(runs[latest], flat[latest], present[latest], np.zeros_like(present[latest]))

    def before(self, run: int, later: Earlier) -> Self:
        """These runs and ``later`` ones, those before ``run`` behind those after it, and none twice."""
        counts = [sums.counts.sum(axis=0).astype(np.float32) for _, sums in later]
        present = [sums.histograms.sum(axis=0) > 0 for _, sums in later]
        alarmed = [sums.histograms[HELD_BACK] > 0 for _, sums in later]
        again = np.isin(self.runs, [run, *(number for number, _ in later)])
        numbers = np.concatenate([self.runs[~again], np.array([number for number, _ in later], dtype=np.int64)])
        far_to_near = np.lexsort((np.where(numbers < run, numbers, -numbers), numbers < run))
        return type(self)(
            numbers[far_to_near],
            np.concatenate([self.counts[~again], *(row[None] for row in counts)])[far_to_near],
            np.concatenate([self.present[~again], *(row[None] for row in present)])[far_to_near],
            np.concatenate([self.alarmed[~again], *(row[None] for row in alarmed)])[far_to_near],
        )

    def without(self, runs: Collection[int]) -> Self:
        """Without some ``runs``."""
        rows = ~np.isin(self.runs, list(runs))
        return type(self)(self.runs[rows], self.counts[rows], self.present[rows], self.alarmed[rows])

    def accepting(self, elements: Mask, since: Int64, until: Int64) -> Self:
        """Without the runs before ``since`` (n,) of some elements (n,), of which none alarmed up to ``until`` (n,)."""
        runs = self.runs[:, None]
        return replace(
            self,
            present=self.present & ~(elements & (runs < since)),
            alarmed=self.alarmed & ~(elements & (runs <= until)),
        )

    def nearest(self, use: Mask) -> Self:
        """Of each ME the nearest :data:`MOST_RUNS` that ``use`` (R, n) has; runs of which nothing stays go."""
        use = use & self.present
        behind = use[::-1].cumsum(axis=0)[::-1]
        present = use & (behind <= MOST_RUNS)
        rows = present.any(axis=1)
        return replace(
            self, runs=self.runs[rows], counts=self.counts[rows], present=present[rows], alarmed=self.alarmed[rows]
        )

    def arrays(self) -> NamedArrays:
        """The numbers by name, to be saved."""
        return {"runs": self.runs, "counts": self.counts, "present": self.present, "alarmed": self.alarmed}
