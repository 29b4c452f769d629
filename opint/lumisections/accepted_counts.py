"""What is known of an accepted state before anything was kept for references: the evidence of its incident.

With frozen references no run leaves sums. But of suspicious monitoring elements the counts themselves are kept as
evidence, so that an accepted state is known from the lumisections that showed it.
"""

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from dqm.core.accepted import Accepted
from dqm.core.drift import HELD, Earlier, RunSums
from opint.store import evidence
from streams.records import Catalogue

MOST_LUMISECTIONS = 256
"""The newest ones that are read for each element."""


def with_evidence(
    tx: Connection, dataset: str, subsystem: str, catalogue: Catalogue, accepted: Accepted, earlier: Earlier
) -> Earlier:
    """The ``earlier`` sums, and for elements that a run has left none of those of its evidence, in order of run."""
    sums = dict(earlier)
    for block in catalogue.blocks:
        for row in range(block.start, block.stop):
            name = catalogue.names[row]
            if name in accepted:
                kept = evidence.counts(tx, dataset, subsystem, name, accepted[name], MOST_LUMISECTIONS)
                for run, counts in kept.items():
                    sums[run] = _added(sums.get(run), catalogue, row, counts)
    return sorted(sums.items())


def _added(before: RunSums | None, catalogue: Catalogue, row: int, counts: npt.NDArray[np.float64]) -> RunSums:
    """The sums of a run with ``counts`` (L, bins) of the element in this ``row``, unless it has some."""
    sums = RunSums.nothing(catalogue) if before is None else before
    block = next(block for block in catalogue.blocks if block.start <= row < block.stop)
    if sums.histograms[:, row].any() or counts.shape[1] != block.bins:
        return sums
    first = sum((other.stop - other.start) * other.bins for other in catalogue.blocks if other.stop <= block.start)
    first += (row - block.start) * block.bins
    added = RunSums(sums.counts.copy(), sums.leaning.copy(), sums.histograms.copy())
    added.counts[HELD, first : first + block.bins] = np.rint(counts.sum(axis=0)).astype(np.int64)
    added.histograms[HELD, row] = len(counts)
    return added
