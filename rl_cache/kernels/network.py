"""A small network of one hidden layer, evaluated for one row at a time."""

from typing import NamedTuple

import numpy as np

from rl_cache.arrays import Float64
from rl_cache.kernels.jit import kernel


class Network(NamedTuple):
    """``output . relu(hidden @ x + bias) + offset[0]``; shapes (n, features), (n,), (n,), (1,)."""

    hidden: Float64
    bias: Float64
    output: Float64
    offset: Float64


def zero_network(features: int) -> Network:
    """A network whose output is always 0."""
    return Network(np.zeros((1, features)), np.zeros(1), np.zeros(1), np.zeros(1))


@kernel
def predict(network: Network, values: Float64) -> float:
    """The output for these features."""
    total = network.offset[0]
    for unit in range(len(network.bias)):
        activity = network.bias[unit]
        for k in range(len(values)):
            activity += network.hidden[unit, k] * values[k]
        if activity > 0.0:
            total += network.output[unit] * activity
    return float(total)
