"""LRB's regression: gradient-boosted trees trained with LightGBM, as flat arrays that compiled code evaluates."""

from typing import Any, NamedTuple

import numpy as np

from rl_cache.arrays import Float32, Float64, Int32, Int64
from rl_cache.kernels.jit import kernel

LEAF = -1
_PARAMETERS = {
    "objective": "regression",
    "learning_rate": 0.1,
    "min_data_in_leaf": 20,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "seed": 0,
}


class Trees(NamedTuple):
    """Trees whose predictions are added up; row t of each array is tree t, its root at column 0.

    Attributes:
        feature: int32[trees, nodes], number of the feature that decides, LEAF at a leaf.
        threshold: float64[trees, nodes], up to this go to ``below``, else to ``above``; at a leaf its prediction.
        below: int32[trees, nodes].
        above: int32[trees, nodes].
        n_trees: int64[1], how many trees there are; 0 before the first training.
    """

    feature: Int32
    threshold: Float64
    below: Int32
    above: Int32
    n_trees: Int64


def empty_trees(capacity: int, leaves: int) -> Trees:
    """Room for ``capacity`` trees of at most ``leaves`` leaves."""
    shape = (capacity, 2 * leaves - 1)
    empty = (np.full(shape, LEAF, np.int32), np.zeros(shape), np.zeros(shape, np.int32), np.zeros(shape, np.int32))
    return Trees(*empty, np.zeros(1, np.int64))


@kernel
def predict(trees: Trees, features: Float64) -> float:
    """The sum of all trees' predictions."""
    total = 0.0
    for tree in range(trees.n_trees[0]):
        node = 0
        while trees.feature[tree, node] != LEAF:
            low = features[trees.feature[tree, node]] <= trees.threshold[tree, node]
            node = trees.below[tree, node] if low else trees.above[tree, node]
        total += trees.threshold[tree, node]
    return total


def fit(trees: Trees, features: Float32, targets: Float32) -> None:
    """Train on rows of ``features`` and fill ``trees``, as many and as large as there is room for."""
    import lightgbm  # noqa: PLC0415 - takes a second to import, and most runs never train

    capacity, nodes = trees.feature.shape
    data = lightgbm.Dataset(features, targets, free_raw_data=True)
    booster = lightgbm.train({**_PARAMETERS, "num_leaves": (nodes + 1) // 2}, data, num_boost_round=capacity)
    dumped = booster.dump_model()["tree_info"]
    trees.feature[:] = LEAF
    for tree, description in enumerate(dumped):
        _write_node(trees, tree, description["tree_structure"], 0)
    trees.n_trees[0] = len(dumped)


def _write_node(trees: Trees, tree: int, node: dict[str, Any], place: int) -> int:
    """Write a node and all below it from ``place`` on; the next free place."""
    if "split_feature" not in node:
        trees.feature[tree, place] = LEAF
        trees.threshold[tree, place] = node["leaf_value"]
        return place + 1
    trees.feature[tree, place] = node["split_feature"]
    trees.threshold[tree, place] = node["threshold"]
    trees.below[tree, place] = place + 1
    free = _write_node(trees, tree, node["left_child"], place + 1)
    trees.above[tree, place] = free
    return _write_node(trees, tree, node["right_child"], free)
