"""A small network of one hidden layer, evaluated for one row at a time."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rl_cache.arrays import Float32, Float64
from rl_cache.kernels.jit import kernel


class Network(NamedTuple):
    """``output . relu(hidden @ x + bias) + offset[0]``; shapes (n, features), (n,), (n,), (1,)."""

    hidden: Float64
    bias: Float64
    output: Float64
    offset: Float64


class Evaluator(NamedTuple):
    """A network as compiled code evaluates it: in single precision, with scratch of its own.

    Attributes:
        columns: (features, n), the hidden layer transposed: all units take in a feature at once, which vectorises.
        bias, output, offset: the network's.
        activity: (n,), scratch.
    """

    columns: Float32
    bias: Float32
    output: Float32
    offset: Float32
    activity: Float32


def zero_network(features: int) -> Network:
    """A network whose output is always 0."""
    return Network(np.zeros((1, features)), np.zeros(1), np.zeros(1), np.zeros(1))


def average(networks: Sequence[Network]) -> Network:
    """One network whose output is the mean of theirs; it has the units of all."""
    n = len(networks)
    hidden, bias, output, offset = (
        np.concatenate([getattr(network, name) for network in networks]) for name in Network._fields
    )
    return Network(hidden, bias, output / n, offset.mean(keepdims=True))


def evaluator(network: Network) -> Evaluator:
    """For one cache: caches that run at the same time need an evaluator each."""
    columns, bias, output, offset = (
        np.ascontiguousarray(array, np.float32)
        for array in (network.hidden.T, network.bias, network.output, network.offset)
    )
    return Evaluator(columns, bias, output, offset, np.zeros(len(bias), np.float32))


@kernel
def predict(network: Evaluator, values: Float64) -> float:
    """The output for these features."""
    activity, columns = network.activity, network.columns
    for unit in range(len(activity)):
        activity[unit] = network.bias[unit]
    for k in range(0, len(values) - 1, 2):
        first, second = np.float32(values[k]), np.float32(values[k + 1])
        for unit in range(len(activity)):
            activity[unit] += columns[k, unit] * first + columns[k + 1, unit] * second
    if len(values) % 2:
        last = np.float32(values[-1])
        for unit in range(len(activity)):
            activity[unit] += columns[-1, unit] * last
    total = network.offset[0]
    for unit in range(len(activity)):
        total += network.output[unit] * max(activity[unit], np.float32(0.0))
    return float(total)
