"""The latest whole runs, from which what is expected of the next one is learned anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from dqm.arrays import Float32, Int64, Mask, NamedArrays
from dqm.core.drift import Earlier

MOST_RUNS = 100
"""Enough to tell 1 in 100 and few enough to follow a detector that drifts."""


@dataclass(frozen=True, slots=True, eq=False)
class RunWindow:
    """At most :data:`MOST_RUNS` runs in order: numbers ``runs`` (R,), ``counts`` (R, cells), which MEs ``came`` (R, n).

    Cells are those of all MEs in catalogue order.
    """

    runs: Int64
    counts: Float32
    came: Mask

    @classmethod
    def of(cls, runs: Int64, counts: Sequence[Float32], came: Mask) -> Self:
        """The latest of R runs with ``counts`` (R, n, bins) of each group."""
        flat = np.concatenate([block.reshape(len(runs), -1) for block in counts], axis=1)
        latest = np.argsort(runs, kind="stable")[-MOST_RUNS:]
        return cls(runs[latest], flat[latest], came[latest])

    def followed_by(self, later: Earlier, run: int) -> Self:
        """The latest before ``run`` of these and of ``later`` ones, and where those are too few the next of these."""
        if later:
            counts = np.array([sums.counts.sum(axis=0) for _, sums in later], dtype=np.float32)
            came = np.array([sums.histograms.sum(axis=0) > 0 for _, sums in later])
            number = np.array([number for number, _ in later], dtype=np.int64)
        else:
            counts, came, number = self.counts[:0], self.came[:0], self.runs[:0]
        own = self.runs != run
        numbers = np.concatenate([self.runs[own], number])
        distance = np.where(numbers < run, run - numbers, np.iinfo(np.int64).max // 2 + numbers)
        nearest = np.argsort(distance, kind="stable")[:MOST_RUNS]
        order = nearest[np.argsort(numbers[nearest], kind="stable")]
        return type(self)(
            numbers[order],
            np.concatenate([self.counts[own], counts])[order],
            np.concatenate([self.came[own], came])[order],
        )

    def arrays(self) -> NamedArrays:
        """The numbers by name, to be saved."""
        return {"runs": self.runs, "counts": self.counts, "came": self.came}
