"""Gradient-boosted trees (T. Chen and C. Guestrin, KDD 2016), by XGBoost."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from xgboost import XGBClassifier

from opint.popularity.history import Float32, Float64
from opint.popularity.models import Flags

TREES = 150
DEPTH = 3
RATE = 0.06
ROW_SHARE = 0.7
FEATURE_SHARE = 0.3
LEAST_LEAF = 10


@dataclass(frozen=True)
class Boosting:
    """Trained trees."""

    trees: Any

    def probabilities(self, features: Float32) -> Float64:
        """The logistic function of the sum over the trees."""
        return np.asarray(self.trees.predict_proba(features)[:, 1], dtype=np.float64)


def train(features: Float32, popular: Flags, seed: int) -> Boosting:
    """Train many shallow trees, each on a part of the examples and features."""
    trees = XGBClassifier(
        n_estimators=TREES,
        max_depth=DEPTH,
        learning_rate=RATE,
        subsample=ROW_SHARE,
        colsample_bytree=FEATURE_SHARE,
        min_child_weight=LEAST_LEAF,
        random_state=seed,
    )
    return Boosting(trees.fit(features, popular))
