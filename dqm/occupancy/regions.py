"""Good maps spoilt on purpose, to see whether a scorer finds weak regions among the maps that it has to judge."""

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

SIDES = (1, 5)
"""Sides in cells of the square regions, both included; no more than the map has."""
SEEN = (3.0, 9.0)
"""Standard deviations of counting that a region loses or gains, both included."""


def inject_map_faults(maps: Float32, rng: np.random.Generator) -> Float32:
    """Maps of counts (n, rows, columns), each with one square region that loses or gains a part of its counts.

    What cannot be lost, because a region has too few counts, is not lost: then the region is dead.
    """
    broken = maps.copy()
    for one in broken:
        side = min(int(rng.integers(SIDES[0], SIDES[1] + 1)), *one.shape)
        first, second = (int(rng.integers(0, size - side + 1)) for size in one.shape)
        region = one[first : first + side, second : second + side]
        amount = rng.uniform(*SEEN) / np.sqrt(max(float(region.sum()), 1.0))
        if rng.random() < 0.5:
            region[:] = rng.binomial(np.rint(region).astype(np.int64), max(0.0, 1.0 - amount))
        else:
            region += rng.poisson(region * amount)
    return broken
