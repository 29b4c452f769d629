"""Logistic regression by gradient descent, a random forest, boosted trees, and a blend of both kinds of trees.

For the regression features are first brought to the normal distribution by their quantiles, so that counts of accesses
with their long tails do not rule the fit. The random forest (L. Breiman, Mach. Learn. 45 (2001) 5) is scikit-learn's,
the boosted trees (T. Chen and C. Guestrin, KDD 2016) are XGBoost's. The blend is the mean of their log-odds: with few
training weeks the two make different errors.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer
from xgboost import XGBClassifier

from opint.popularity.models import Forecaster
from streams.arrays import Float32, Float64, Mask

PENALTY = 1e-4
QUANTILES = 50
EPOCHS = 50


@dataclass(frozen=True)
class Logistic:
    """A trained regression."""

    steps: Any

    def probabilities(self, features: Float32) -> Float64:
        """The logistic function of a weighted sum of the features."""
        return np.asarray(self.steps.predict_proba(features)[:, 1])


def train_sgd(features: Float32, popular: Mask, seed: int) -> Logistic:
    """Train on examples in random order; the weights are the mean over the descent (averaged SGD)."""
    return Logistic(
        make_pipeline(
            QuantileTransformer(n_quantiles=QUANTILES, output_distribution="normal", random_state=seed),
            SGDClassifier(loss="log_loss", alpha=PENALTY, average=True, max_iter=EPOCHS, tol=None, random_state=seed),
        ).fit(features, popular)
    )


FOREST_TREES = 200
FOREST_LEAST_LEAF = 10
"""Examples in a leaf; with a single example, the common choice, leaves memorise datasets."""
FOREST_FEATURE_SHARE = 0.2
BOOSTING_TREES = 150
BOOSTING_DEPTH = 3
BOOSTING_RATE = 0.06
BOOSTING_ROW_SHARE = 0.7
BOOSTING_FEATURE_SHARE = 0.3
BOOSTING_LEAST_LEAF = 10
PROBABILITY_FLOOR = 1e-6
"""No model is believed to be surer than this."""


@dataclass(frozen=True)
class Forest:
    """A trained forest."""

    trees: Any

    def probabilities(self, features: Float32) -> Float64:
        """Mean over the trees of the share of popular examples in each row's leaf."""
        return np.asarray(self.trees.predict_proba(features)[:, 1])


def train_forest(features: Float32, popular: Mask, seed: int) -> Forest:
    """Train without balancing the classes, so that shares are probabilities."""
    trees = RandomForestClassifier(
        FOREST_TREES,
        min_samples_leaf=FOREST_LEAST_LEAF,
        max_features=FOREST_FEATURE_SHARE,
        random_state=seed,
        n_jobs=-1,
    )
    trees.fit(features, popular)
    # Threads add up the trees in any order, and the last digit with it.
    return Forest(trees.set_params(n_jobs=1))


@dataclass(frozen=True)
class Boosting:
    """Trained trees."""

    trees: Any

    def probabilities(self, features: Float32) -> Float64:
        """The logistic function of the sum over the trees."""
        return np.asarray(self.trees.predict_proba(features)[:, 1], dtype=np.float64)


def train_boosting(features: Float32, popular: Mask, seed: int) -> Boosting:
    """Train many shallow trees, each on a part of the examples and features."""
    trees = XGBClassifier(
        n_estimators=BOOSTING_TREES,
        max_depth=BOOSTING_DEPTH,
        learning_rate=BOOSTING_RATE,
        subsample=BOOSTING_ROW_SHARE,
        colsample_bytree=BOOSTING_FEATURE_SHARE,
        min_child_weight=BOOSTING_LEAST_LEAF,
        random_state=seed,
    )
    return Boosting(trees.fit(features, popular))


@dataclass(frozen=True)
class Blend:
    """Trained models."""

    parts: tuple[Forecaster, ...]

    def probabilities(self, features: Float32) -> Float64:
        """The logistic function of the mean log-odds."""
        probabilities = [
            np.clip(part.probabilities(features), PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR) for part in self.parts
        ]
        blended: Float64 = expit(np.mean([logit(part) for part in probabilities], axis=0))
        return blended


def train_blend(features: Float32, popular: Mask, seed: int) -> Blend:
    """Train each part on all examples."""
    return Blend(tuple(train_part(features, popular, seed) for train_part in (train_forest, train_boosting)))
