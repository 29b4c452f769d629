"""A small network of one hidden layer, evaluated for one row at a time."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels.jit import kernel

Floats = NDArray[np.float64]


class Network(NamedTuple):
    """``output . relu(hidden @ x + bias) + offset[0]``; shapes (n, features), (n,), (n,), (1,)."""

    hidden: Floats
    bias: Floats
    output: Floats
    offset: Floats


def silent(features: int) -> Network:
    """A network that answers 0 whatever it is asked."""
    return Network(np.zeros((1, features)), np.zeros(1), np.zeros(1), np.zeros(1))


@kernel
def answer(network: Network, values: Floats) -> float:
    """The output for these features."""
    total = network.offset[0]
    for unit in range(len(network.bias)):
        activity = network.bias[unit]
        for k in range(len(values)):
            activity += network.hidden[unit, k] * values[k]
        if activity > 0.0:
            total += network.output[unit] * activity
    return float(total)
