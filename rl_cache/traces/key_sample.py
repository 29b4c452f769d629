"""Spatial sampling: keys are in a sample or not by a hash, so that all requests for a key are, as in SHARDS.

Waldspurger et al., "Efficient MRC construction with SHARDS", FAST 2015.
"""

import numpy as np

from rl_cache.arrays import AnyArray, Mask

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def in_sample(key: AnyArray, share: float) -> Mask:
    """Which of these whole numbers are in the sample that holds ``share`` (0 to 1) of all."""
    mixed = (key.astype(np.uint64) + np.uint64(1)) * _MULTIPLIER
    mixed = (mixed ^ (mixed >> np.uint64(31))) * _MULTIPLIER
    chosen: Mask = (mixed >> np.uint64(11)) * 2.0**-53 < share
    return chosen
