"""The frozen reference: the shape of every ME of a group in good lumisections, and how far it wanders.

The share of bin b in all counts of an ME is ``share + slope * x``, x the standardised pileup: the least-squares line
through the lumisections, each with the weight of its counts. The slope is shrunk towards zero as far as chance could
have made it (positive-part James–Stein). The expectation is uncertain by the reference's own counts and by AutoDQM's
tolerance of 1 %; how good lumisections move together is left to :mod:`dqm.histograms.references.modes`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from dqm.core.pileup import PILEUP_REACH
from dqm.histograms.references import modes
from dqm.histograms.references.modes import Modes
from dqm.statistics.beta_binomial import fast_pulls
from dqm.statistics.robust import NORMAL_MAD
from streams.arrays import Float32, Float64, Int64, Mask

TOLERANCE = 0.01

_OUTLIER = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class FrozenReference:
    """What is expected of one group of MEs; arrays (n, bins) float32.

    ``share`` of all counts at the mean pileup, ``slope`` per standardised pileup, ``wander``: the expectation's
    relative variance. ``modes`` are the ordinary movements.
    """

    share: Float32
    slope: Float32
    wander: Float32
    modes: Modes

    def expected(self, totals: Float32, pileup: Float32) -> Float32:
        """Expected counts (L, n, bins) of histograms with ``totals`` (L, n) counts at pileup (L,), standardised."""
        expected = self.slope * pileup[:, None, None]
        expected += self.share
        expected *= totals[..., None]
        return expected

    def arrays(self) -> dict[str, Float32]:
        """The numbers by name, to be saved."""
        return {
            "share": self.share,
            "slope": self.slope,
            "wander": self.wander,
            "directions": self.modes.directions,
            "limits": self.modes.limits,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Float32]) -> "FrozenReference":
        """Inverse of :meth:`arrays`."""
        movements = Modes(arrays["directions"], arrays["limits"])
        return cls(arrays["share"], arrays["slope"], arrays["wander"], movements)

    def only(self, row: int) -> "FrozenReference":
        """The reference of one ME."""
        alone = slice(row, row + 1)
        return FrozenReference(self.share[alone], self.slope[alone], self.wander[alone], self.modes.only(alone))


def fit(counts: Float32, pileup: Float32, use: Mask, runs: Int64) -> FrozenReference:
    """Reference from good lumisections: ``counts`` (L, n, bins), standardised ``pileup`` (L,), ``use`` (L, n).

    They are of ``runs`` (L,), by number.

    It is made twice: lumisections whose histogram is far from the first try, by a robust measure of each ME,
    are left out of the second, so that a few bad ones among the good do no harm. Movements are looked for only
    then: a fault must not become one.
    """
    first = _still(counts, pileup, use)
    masked = np.where(use, (_pulls(first, counts, pileup).astype(np.float64) ** 2).mean(axis=-1), np.nan)
    has_entries = use.any(axis=0)
    limit = np.full(counts.shape[1], np.inf)
    middle = np.nanmedian(masked[:, has_entries], axis=0)
    limit[has_entries] = (
        middle + _OUTLIER * NORMAL_MAD * np.nanmedian(np.abs(masked[:, has_entries] - middle), axis=0) + 1e-6
    )
    use = use & (np.nan_to_num(masked, nan=np.inf) <= limit)
    still = _still(counts, pileup, use)
    return replace(still, modes=modes.fit(_pulls(still, counts, pileup), counts.sum(axis=-1), use, runs))


def _still(counts: Float32, pileup: Float32, use: Mask) -> FrozenReference:
    """A reference that knows no movements yet."""
    share, slope, statistics = _lines(counts, pileup, use)
    wander = TOLERANCE**2 + 1.0 / (share * statistics[:, None] + 1.0)
    nothing = Modes(np.empty((0, *share.shape), dtype=np.float32), np.empty((len(share), 0), dtype=np.float32))
    return FrozenReference(share.astype(np.float32), slope.astype(np.float32), wander.astype(np.float32), nothing)


def _pulls(reference: FrozenReference, counts: Float32, pileup: Float32) -> Float32:
    return fast_pulls(counts, reference.expected(counts.sum(axis=-1), pileup), reference.wander)


def _lines(counts: Float32, pileup: Float32, use: Mask) -> tuple[Float64, Float64, Float64]:
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
    return np.maximum(middle, 0.2 * share + PILEUP_REACH * np.abs(slope)), slope, s0


def _shrinkage(slope: Float64, share: Float64, spread: Float64) -> Float64:
    """Share of the squared slopes that chance does not explain, for each ME."""
    chance = share / np.maximum(spread, 1e-9)[:, None]
    tested = (slope**2 / chance).sum(axis=1)
    shrunk: Float64 = np.maximum(0.0, 1.0 - slope.shape[1] / np.maximum(tested, 1e-9))
    return shrunk
