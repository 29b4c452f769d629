"""The ways in which the shape of a good ME moves.

Good histograms change together in many bins: with the fill, the temperature, the age of the detector. Those
movements are the leading principal components of the pulls of training (as in the PCA tests of AutoDQM and of
ML4DQM-DC), as far as they stand out from counting statistics: above the edge of V. Marchenko and L. Pastur
(Mat. Sb. 72 (1967) 507). Pulls are freed of them, up to a few times as far as training saw them move, because
what moves slowly goes on moving; what moves farther than that remains visible in full.

Lumisections of one run are alike, so that a movement which few runs have seen may be what sets these runs apart, or
the beginning of a fault. It takes :data:`RUNS_EACH` runs for each that is called ordinary.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from streams.arrays import Float32, Indices, Int64, Mask

MOST = 3
RUNS_EACH = 4
REACH = 6.0
"""Movements are taken for ordinary up to this many times their root mean square in training."""

_ABOVE_EDGE = 1.5
_ROWS = 512


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """``directions`` (k, n, bins): unit vectors in the space of pulls, zero where an ME has fewer than k.

    ``limits`` (n, k): largest amplitude per square root of the number of counts.
    """

    directions: Float32
    limits: Float32

    def only(self, rows: slice | Indices) -> "Modes":
        """The modes of some MEs, which may stand there more than once."""
        return Modes(self.directions[:, rows], self.limits[rows])

    def amplitudes(self, pulls: Float32, totals: Float32) -> Float32:
        """How far each histogram of ``pulls`` (..., n, bins) has moved along its modes, (..., n, k), within limits."""
        amplitudes = np.empty((*totals.shape, len(self.directions)), dtype=np.float32)
        for place, direction in enumerate(self.directions):
            amplitudes[..., place] = np.vecdot(pulls, direction)
        limits = self.limits * np.sqrt(totals)[..., None]
        np.clip(amplitudes, -limits, limits, out=amplitudes)
        return amplitudes

    def remove(self, pulls: Float32, amplitudes: Float32) -> None:
        """Take the movements out of ``pulls``, in place."""
        for place, direction in enumerate(self.directions):
            pulls -= amplitudes[..., place, None] * direction


def fit(pulls: Float32, totals: Float32, use: Mask, runs: Int64) -> Modes:
    """Modes of good histograms: ``pulls`` (L, n, bins), ``totals`` (L, n), ``use`` (L, n), of ``runs`` (L,)."""
    _, n, bins = pulls.shape
    directions = np.zeros((MOST, n, bins), dtype=np.float32)
    limits = np.zeros((n, MOST), dtype=np.float32)
    for me in range(n):
        rows = np.flatnonzero(use[:, me])
        most = min(MOST, len(np.unique(runs[rows])) // RUNS_EACH)
        rows = (
            rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _ROWS)).astype(np.intp))] if len(rows) else rows
        )
        components = _components(pulls[rows, me])[:most]
        directions[: len(components), me] = components
        amplitudes = pulls[rows, me] @ components.T / np.sqrt(np.maximum(totals[rows, me], 1.0))[:, None]
        limits[me, : len(components)] = REACH * np.sqrt((amplitudes**2).mean(axis=0)) if len(components) else 0.0
    used = int((limits > 0).any(axis=0).sum())
    return Modes(directions[:used].copy(), limits[:, :used].copy())


def _components(pulls: Float32) -> Float32:
    """Unit vectors (at most three, bins) that stand out of noise, the strongest first."""
    rows, bins = pulls.shape
    if rows < 16 or bins < 4:
        return np.empty((0, bins), dtype=np.float32)
    wide = pulls.astype(np.float64)
    # The smaller of the two products of the matrix with itself has the same leading eigenvalues.
    product = wide.T @ wide if bins <= rows else wide @ wide.T
    first = max(len(product) - MOST, 0)
    values, vectors = eigh(product / rows, subset_by_index=(first, len(product) - 1))
    count = min(int((values > _ABOVE_EDGE * (1.0 + np.sqrt(bins / rows)) ** 2).sum()), bins // 4)
    leading = vectors[:, ::-1][:, :count].T
    if bins > rows:
        leading = leading @ wide / np.sqrt(rows * values[::-1][:count, None])
    components: Float32 = leading.astype(np.float32)
    return components
