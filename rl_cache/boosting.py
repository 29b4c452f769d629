"""Gradient-boosted regression with LightGBM, handed over as flat trees."""

from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels.trees import LEAF, Trees

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


def fit(trees: Trees, numbers: NDArray[np.float32], answers: NDArray[np.float32]) -> None:
    """Train on rows of ``numbers`` and put the result into ``trees``, as many and as large as these have room for."""
    count, nodes = trees.feature.shape
    data = lightgbm.Dataset(numbers, answers, free_raw_data=True)
    booster = lightgbm.train({**_PARAMETERS, "num_leaves": (nodes + 1) // 2}, data, num_boost_round=count)
    found = booster.dump_model()["tree_info"]
    trees.feature[:] = LEAF
    for number, tree in enumerate(found):
        _lay(trees, number, tree["tree_structure"], 0)
    trees.known[0] = len(found)


def _lay(trees: Trees, tree: int, node: dict[str, Any], place: int) -> int:
    """Write a node and all below it from ``place`` on; the next free place."""
    if "split_feature" not in node:
        trees.feature[tree, place] = LEAF
        trees.threshold[tree, place] = node["leaf_value"]
        return place + 1
    trees.feature[tree, place] = node["split_feature"]
    trees.threshold[tree, place] = node["threshold"]
    trees.below[tree, place] = place + 1
    free = _lay(trees, tree, node["left_child"], place + 1)
    trees.above[tree, place] = free
    return _lay(trees, tree, node["right_child"], free)
