"""Good strips spoilt on purpose, so that a network can learn where nobody has labelled bad ones."""

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_]

LEAST_REGION, MOST_SHARE = 3, 1 / 3
"""A region has at least so many channels, and at most this share of the strip."""
SEEN = 5.0
"""Standard deviations of counting that a region loses or gains at least: less cannot be seen ..."""
LEAST_AMOUNT = 0.4
"""... and at least this share of its counts, because channels differ anyway."""
HOTTEST = 5.0
"""A hot region has up to this many times its counts."""

_HOT_SHARE = 1 / 3


def inject_strip_faults(strips: Float32, rng: np.random.Generator) -> tuple[Float32, Rows]:
    """Strips of counts (n, bins) with one region each dead, inefficient or hot, and which of them could be spoilt (n,).

    A strip whose region has too few counts for any loss to be seen is left as it is.
    """
    n, bins = strips.shape
    inside = _regions(n, bins, rng)
    counts = np.where(inside, strips, np.float32(0.0)).sum(axis=1, dtype=np.float64)
    least = np.maximum(SEEN / np.sqrt(np.maximum(counts, 1.0)), LEAST_AMOUNT)
    hot = rng.random(n) < _HOT_SHARE
    possible = (least <= 1.0) & (counts > 0)
    # Evenly from what can just be seen to all that can be lost, or to the hottest.
    amount = least + rng.random(n) * (np.where(hot, HOTTEST - 1.0, 1.0) - least)
    kept = np.where(possible & ~hot, np.clip(1.0 - amount, 0.0, 1.0), 1.0)
    extra = np.where(possible & hot, np.maximum(amount, 0.0), 0.0)
    thinned = rng.binomial(np.rint(strips).astype(np.int64), np.where(inside, kept[:, None], 1.0))
    more = rng.poisson(np.where(inside, extra[:, None] * strips, 0.0))
    return (thinned + more).astype(np.float32), possible


def _regions(n: int, bins: int, rng: np.random.Generator) -> Rows:
    """One region of each of ``n`` strips, as a mask (n, bins); small ones are as frequent as large ones by decade."""
    most = max(LEAST_REGION, int(bins * MOST_SHARE))
    length = np.minimum(np.exp(rng.uniform(np.log(LEAST_REGION), np.log(most + 1), n)).astype(np.int64), bins)
    first = rng.integers(0, bins - length + 1)
    channel = np.arange(bins)
    inside: Rows = (channel >= first[:, None]) & (channel < (first + length)[:, None])
    return inside
