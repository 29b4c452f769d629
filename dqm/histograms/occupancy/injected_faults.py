"""Faults put into good strips and maps: to train a network where nobody has labelled bad ones, and to try a scorer."""

import numpy as np

from streams.arrays import Float32, Mask

LEAST_REGION, MOST_SHARE = 3, 1 / 3
"""A region has at least so many channels, and at most this share of the strip."""
STRIP_SIGNIFICANCE = 5.0
"""Standard deviations of counting that a region loses or gains at least: less cannot be seen ..."""
LEAST_AMOUNT = 0.4
"""... and at least this share of its counts, because channels differ anyway."""
HOTTEST = 5.0
"""A hot region has up to this many times its counts."""

_HOT_SHARE = 1 / 3


def inject_strip_faults(strips: Float32, rng: np.random.Generator) -> tuple[Float32, Mask]:
    """Strips of counts (n, bins) with one region each dead, inefficient or hot, and which of them could be spoilt (n,).

    A strip whose region has too few counts for any loss to be seen is left as it is.
    """
    n, bins = strips.shape
    inside = _regions(n, bins, rng)
    counts = np.where(inside, strips, np.float32(0.0)).sum(axis=1, dtype=np.float64)
    least = np.maximum(STRIP_SIGNIFICANCE / np.sqrt(np.maximum(counts, 1.0)), LEAST_AMOUNT)
    hot = rng.random(n) < _HOT_SHARE
    possible = (least <= 1.0) & (counts > 0)
    # Evenly from what can just be seen to all that can be lost, or to the hottest.
    amount = least + rng.random(n) * (np.where(hot, HOTTEST - 1.0, 1.0) - least)
    efficiency = np.where(possible & ~hot, np.clip(1.0 - amount, 0.0, 1.0), 1.0)
    extra = np.where(possible & hot, np.maximum(amount, 0.0), 0.0)
    thinned = rng.binomial(np.rint(strips).astype(np.int64), np.where(inside, efficiency[:, None], 1.0))
    more = rng.poisson(np.where(inside, extra[:, None] * strips, 0.0))
    return (thinned + more).astype(np.float32), possible


def _regions(n: int, bins: int, rng: np.random.Generator) -> Mask:
    """One region of each of ``n`` strips, as a mask (n, bins); small ones are as frequent as large ones by decade."""
    most = max(LEAST_REGION, int(bins * MOST_SHARE))
    length = np.minimum(np.exp(rng.uniform(np.log(LEAST_REGION), np.log(most + 1), n)).astype(np.int64), bins)
    first = rng.integers(0, bins - length + 1)
    channel = np.arange(bins)
    inside: Mask = (channel >= first[:, None]) & (channel < (first + length)[:, None])
    return inside


MAP_SIDES = (1, 5)
"""Sides in cells of the square regions, both included; no more than the map has."""
MAP_SIGNIFICANCE = (3.0, 9.0)
"""Standard deviations of counting that a region loses or gains, both included."""


def inject_map_faults(maps: Float32, rng: np.random.Generator) -> Float32:
    """Maps of counts (n, rows, columns), each with one square region that loses or gains a part of its counts.

    What cannot be lost, because a region has too few counts, is not lost: then the region is dead.
    """
    broken = maps.copy()
    for image in broken:
        side = min(int(rng.integers(MAP_SIDES[0], MAP_SIDES[1] + 1)), *image.shape)
        first, second = (int(rng.integers(0, size - side + 1)) for size in image.shape)
        region = image[first : first + side, second : second + side]
        amount = rng.uniform(*MAP_SIGNIFICANCE) / np.sqrt(max(float(region.sum()), 1.0))
        if rng.random() < 0.5:
            region[:] = rng.binomial(np.rint(region).astype(np.int64), max(0.0, 1.0 - amount))
        else:
            region += rng.poisson(region * amount)
    return broken
