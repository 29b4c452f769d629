"""Random forest (L. Breiman, Mach. Learn. 45 (2001) 5), by scikit-learn."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from opint.popularity.history import Float32, Float64
from opint.popularity.models import Flags

TREES = 200
LEAST_LEAF = 10
"""Examples in a leaf; with single ones, as is common, leaves remember datasets."""
FEATURE_SHARE = 0.2


@dataclass(frozen=True)
class Forest:
    """A trained forest."""

    trees: Any

    def probabilities(self, features: Float32) -> Float64:
        """Mean over the trees of the share of popular examples in each row's leaf."""
        return np.asarray(self.trees.predict_proba(features)[:, 1])


def train(features: Float32, popular: Flags, seed: int) -> Forest:
    """Train on examples as they are: classes are not balanced, so that shares are probabilities."""
    trees = RandomForestClassifier(
        TREES, min_samples_leaf=LEAST_LEAF, max_features=FEATURE_SHARE, random_state=seed, n_jobs=-1
    )
    trees.fit(features, popular)
    # Threads add up the trees in any order, and the last digit with it.
    return Forest(trees.set_params(n_jobs=1))
