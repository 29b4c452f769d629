"""Boosted trees on the sparse table (XGBoost: T. Chen and C. Guestrin, KDD 2016), with exact contributions."""

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

from opint.actions.action import ActionsError
from streams.arrays import Float64, Indices

if TYPE_CHECKING:
    import xgboost

ROUNDS = 250
PARAMETERS = {
    "tree_method": "hist",
    "max_depth": 6,
    "eta": 0.05,
    "subsample": 0.8,
    "colsample_bytree": 0.15,
    "min_child_weight": 3,
    "verbosity": 0,
    "nthread": 1,
}
"""Chosen on emulated histories of other seeds than the benchmark has. One thread: equal trees on every machine, and on
small tables threads wait for each other far longer than they work."""


@dataclass(frozen=True)
class BoostedTrees:
    """Trained trees of ``classes`` classes."""

    booster: "xgboost.Booster"
    classes: int

    def probabilities(self, features: csr_matrix) -> Float64:
        """Probabilities (n, k); what a row lacks is missing, not 0."""
        predicted = np.asarray(self.booster.inplace_predict(features), dtype=np.float64)
        return np.column_stack([1.0 - predicted, predicted]) if self.classes == 2 else predicted

    def contributions(self, features: csr_matrix, label: Indices) -> Float64:
        """What each feature adds to the log-odds of class ``label`` (n,) of each row, and the rest: (n, f + 1).

        Exact Shapley values of the trees (S. Lundberg et al., arXiv:1802.03888). With more than two classes these are
        the unnormalised log-probabilities of the class.
        """
        xgboost = _library()
        added = np.asarray(self.booster.predict(xgboost.DMatrix(features), pred_contribs=True), dtype=np.float64)
        if self.classes == 2:
            signed: Float64 = np.where(label[:, None] == 1, added, -added)
            return signed
        chosen: Float64 = added[np.arange(len(label)), label]
        return chosen


def train_trees(features: csr_matrix, label: Indices, classes: int, seed: int) -> BoostedTrees:
    """Trees learned from classes (n,) of n rows; the same seed gives the same trees."""
    xgboost = _library()
    objective = {"objective": "binary:logistic"}
    if classes > 2:
        objective = {"objective": "multi:softprob", "num_class": str(classes)}
    table = xgboost.DMatrix(features, label=label)
    return BoostedTrees(xgboost.train(PARAMETERS | objective | {"seed": seed}, table, ROUNDS), classes)


def trees_to_bytes(trees: BoostedTrees) -> bytes:
    """The trees in Universal Binary JSON."""
    return bytes(trees.booster.save_raw("ubj"))


def trees_from_bytes(raw: bytes, classes: int) -> BoostedTrees:
    """Read what :func:`trees_to_bytes` wrote; nothing in it is executed. Raises ValueError for anything else."""
    xgboost = _library()
    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(raw))
    except xgboost.core.XGBoostError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    return BoostedTrees(booster, classes)


def _library() -> ModuleType:
    try:
        import xgboost  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ActionsError(f"trees need {error.name}: pip install 'nightshift[actions]'") from None
    return xgboost
