"""Random numbers by position: the n-th draw of a seed needs no state and no earlier draw.

SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the state advances by a constant, so its n-th value is known at once.
"""

import numpy as np

from rl_cache.kernels.jit import kernel

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@kernel
def draw(seed: int, count: int) -> float:
    """Uniform in [0, 1), of 53 bits."""
    value = _mixed(np.uint64(seed)) + np.uint64(count + 1) * _STEP
    return float((_mixed(value) >> np.uint64(11)) * 2.0**-53)


@kernel
def _mixed(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    return value ^ (value >> np.uint64(31))
