"""The frozen reference: the shape of every ME of a group in good lumisections, and how far it wanders.

The share of bin b in all counts of an ME is ``share + slope * x``, x the standardised pileup: the least-squares
line through the lumisections, each with the weight of its counts. The slope is shrunk towards zero as far as
chance could have made it (positive-part James–Stein). What good lumisections vary beyond counting statistics is
kept per bin as a relative variance ``wander``, with a floor of (1 %)^2, AutoDQM's tolerance.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

TOLERANCE = 0.01
PILEUP_REACH = 3.0
"""Standardised pileup is used within plus and minus this; beyond it the shape is taken to stay."""

_CHUNK_CELLS = 4_000_000
_OUTLIER = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class FrozenReference:
    """Expected shares of one group of MEs; all arrays (n, bins) float32, ``statistics`` (n,) counts seen.

    ``wander`` is the relative variance of the expectation: systematic, and from the reference's own counts.
    """

    share: Float32
    slope: Float32
    wander: Float32
    statistics: Float32

    def expected(self, totals: Float32, pileup: Float32) -> Float32:
        """Expected counts (L, n, bins) of histograms with ``totals`` (L, n) counts at pileup (L,), standardised."""
        expected = self.slope * pileup[:, None, None]
        expected += self.share
        expected *= totals[..., None]
        return expected

    def arrays(self) -> dict[str, Float32]:
        """The numbers by name, to be saved."""
        return {"share": self.share, "slope": self.slope, "wander": self.wander, "statistics": self.statistics}


def fit(counts: Float32, pileup: Float32, use: npt.NDArray[np.bool_]) -> FrozenReference:
    """Reference from good lumisections: ``counts`` (L, n, bins), standardised ``pileup`` (L,), ``use`` (L, n).

    It is made twice: lumisections whose histogram is far from the first try, by a robust measure of each ME,
    are left out of the second, so that a few bad ones among the good do no harm.
    """
    first = _fit(counts, pileup, use)
    distance = np.concatenate([_distance(first, *part) for part in _chunks(counts, pileup)])
    masked = np.where(use, distance, np.nan)
    known = ~np.isnan(masked).all(axis=0)
    limit = np.full(counts.shape[1], np.inf)
    middle = np.nanmedian(masked[:, known], axis=0)
    limit[known] = middle + _OUTLIER * 1.4826 * np.nanmedian(np.abs(masked[:, known] - middle), axis=0) + 1e-6
    return _fit(counts, pileup, use & (distance <= limit))


def _fit(counts: Float32, pileup: Float32, use: npt.NDArray[np.bool_]) -> FrozenReference:
    share, slope, statistics = _lines(counts, pileup, use)
    excess = np.zeros(share.shape)
    square = np.zeros(share.shape)
    start = 0
    for part, x in _chunks(counts, pileup):
        wanted = use[start : start + len(part), :, None]
        start += len(part)
        expected = part.sum(axis=-1, dtype=np.float64)[..., None] * (share + slope * x[:, None, None])
        excess += (((part - expected) ** 2 - expected) * wanted).sum(axis=0)
        square += (expected**2 * wanted).sum(axis=0)
    own = 1.0 / (share * statistics[:, None] + 1.0)
    wander = np.maximum(_relative_variance(excess, square), TOLERANCE**2) + own
    return FrozenReference(
        share.astype(np.float32), slope.astype(np.float32), wander.astype(np.float32), statistics.astype(np.float32)
    )


def _lines(counts: Float32, pileup: Float32, use: npt.NDArray[np.bool_]) -> tuple[Float64, Float64, Float64]:
    """Share at x = 0, its slope, and the counts seen; a bin never seen gets half a count (Jeffreys' prior)."""
    totals = np.where(use, counts.sum(axis=-1, dtype=np.float64), 0.0)
    x = pileup.astype(np.float64)
    s0, s1, s2 = totals.sum(0), (totals * x[:, None]).sum(0), (totals * x[:, None] ** 2).sum(0)
    t0 = np.einsum("lnb,ln->nb", counts, use.astype(np.float64))
    t1 = np.einsum("lnb,ln->nb", counts, use * x[:, None])
    bins = counts.shape[-1]
    share = (t0 + 0.5) / (s0 + 0.5 * bins)[:, None]
    spread = s2 - s1**2 / np.maximum(s0, 1.0)
    slope = (t1 - (s1 / np.maximum(s0, 1.0))[:, None] * t0) / np.maximum(spread, 1e-9)[:, None]
    slope[spread < 1e-3 * s0] = 0.0
    slope *= _shrinkage(slope, share, spread)[:, None]
    middle = share - slope * (s1 / np.maximum(s0, 1.0))[:, None]
    # The line stays above a fifth of the mean share wherever it is used.
    reach = 0.8 * share / PILEUP_REACH
    slope = np.clip(slope, -reach, reach)
    return np.maximum(middle, 0.2 * share + PILEUP_REACH * np.abs(slope) * 0.25), slope, s0


def _shrinkage(slope: Float64, share: Float64, spread: Float64) -> Float64:
    """Share of the squared slopes that chance does not explain, for each ME."""
    chance = share / np.maximum(spread, 1e-9)[:, None]
    tested = (slope**2 / chance).sum(axis=1)
    shrunk: Float64 = np.maximum(0.0, 1.0 - slope.shape[1] / np.maximum(tested, 1e-9))
    return shrunk


def _relative_variance(excess: Float64, square: Float64) -> Float64:
    """Systematic relative variance of each bin, drawn towards that of its ME where its own is uncertain."""
    together = np.maximum(excess.sum(axis=1) / np.maximum(square.sum(axis=1), 1e-9), 0.0)[:, None]
    own = np.maximum(excess, 0.0) / np.maximum(square, 1e-9)
    trust = together**2 / (together**2 + 2.0 / np.maximum(square, 1e-9) + 1e-30)
    mixed: Float64 = together + trust * (own - together)
    return mixed


def _distance(reference: FrozenReference, counts: Float32, pileup: Float32) -> Float64:
    """Chi-square per bin of the histograms, (L, n)."""
    expected = reference.expected(counts.sum(axis=-1), pileup).astype(np.float64)
    variance = expected + reference.wander * expected**2 + 0.375
    distance: Float64 = ((counts - expected) ** 2 / variance).mean(axis=-1)
    return distance


def _chunks(counts: Float32, pileup: Float32) -> Iterator[tuple[Float32, Float32]]:
    step = max(1, _CHUNK_CELLS // max(1, counts.shape[1] * counts.shape[2]))
    for start in range(0, len(counts), step):
        yield counts[start : start + step], pileup[start : start + step]
