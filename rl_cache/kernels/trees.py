"""Regression trees as flat arrays, so that compiled code can ask them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels.jit import kernel

LEAF = -1


class Trees(NamedTuple):
    """Trees whose answers are added up; row t of each array is tree t, its root at column 0.

    Attributes:
        feature: int32[trees, nodes], which number decides, LEAF at a leaf.
        threshold: float64[trees, nodes], up to this go to ``below``, else to ``above``; at a leaf its answer.
        below: int32[trees, nodes].
        above: int32[trees, nodes].
        known: int64[1], how many trees there are; 0 before the first training.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    below: NDArray[np.int32]
    above: NDArray[np.int32]
    known: NDArray[np.int64]


def trees(count: int, leaves: int) -> Trees:
    """Room for ``count`` trees of at most ``leaves`` leaves."""
    shape = (count, 2 * leaves - 1)
    empty = (np.full(shape, LEAF, np.int32), np.zeros(shape), np.zeros(shape, np.int32), np.zeros(shape, np.int32))
    return Trees(*empty, np.zeros(1, np.int64))


@kernel
def ask(trees: Trees, numbers: NDArray[np.float64]) -> float:
    """The sum of all trees' answers."""
    total = 0.0
    for tree in range(trees.known[0]):
        node = 0
        while trees.feature[tree, node] != LEAF:
            low = numbers[trees.feature[tree, node]] <= trees.threshold[tree, node]
            node = trees.below[tree, node] if low else trees.above[tree, node]
        total += trees.threshold[tree, node]
    return total
