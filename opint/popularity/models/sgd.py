"""Logistic regression by stochastic gradient descent, by scikit-learn.

Features are first brought to the normal distribution by their quantiles, so that counts of accesses with their long
tails do not rule the fit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

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
