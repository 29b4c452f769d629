"""How unlikely a score is at a given pileup.

Calibration events, which training never saw, are cut by pileup into bands of equally many; each has a conformal table
with a generalised Pareto tail (:mod:`dqm.statistics.conformal`). Between the middles of two bands the logarithm of the
probability is interpolated, and beyond the outermost it is that of the outermost.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dqm.statistics.conformal import ConformalTable

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

BANDS = 4


@dataclass(frozen=True, slots=True, eq=False)
class PileupTail:
    """``pileup`` (bands,) rises: the middle of each band, which has the table of the same place."""

    pileup: Float64
    tables: tuple[ConformalTable, ...]

    @classmethod
    def of(cls, scores: Float32, pileup: Float32) -> "PileupTail":
        """From calibration scores (n,) and the pileup (n,) of their lumisections; ValueError for none."""
        order = np.argsort(pileup, kind="stable")
        parts = [part for part in np.array_split(order, BANDS) if len(part)]
        middles = np.array([float(np.median(pileup[part])) for part in parts])
        # Pileup that hardly varies makes bands with one middle; one of them is enough.
        distinct = [0, *(1 + np.flatnonzero(np.diff(middles) > 0))]
        return cls(middles[distinct], tuple(ConformalTable.of(scores[parts[at]]) for at in distinct))

    def surprise(self, scores: Float32, pileup: float | None) -> Float32:
        """-log of the tail probabilities of ``scores`` (n,); at the middle of what is known without a pileup."""
        at = float(np.median(self.pileup)) if pileup is None else pileup
        place = float(np.interp(at, self.pileup, np.arange(len(self.pileup))))
        below = int(place)
        weight = np.float32(place - below)
        first = self._surprise(below, scores)
        if not weight:
            return first
        second = self._surprise(below + 1, scores)
        between: Float32 = (1 - weight) * first + weight * second
        return between

    def _surprise(self, band: int, scores: Float32) -> Float32:
        found: Float32 = np.negative(np.log(self.tables[band].p_values(scores)))
        return found
