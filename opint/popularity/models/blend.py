"""A blend of random forest and boosted trees: the mean of their log-odds.

Where training weeks are few, the two err differently; what they agree on is surer than what either says.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from opint.popularity.history import Float32, Float64
from opint.popularity.models import Flags, Forecaster, boosting, forest

SUREST = 1e-6
"""No model is believed to be surer than this."""


@dataclass(frozen=True)
class Blend:
    """Trained models."""

    parts: tuple[Forecaster, ...]

    def probabilities(self, features: Float32) -> Float64:
        """The logistic function of the mean log-odds."""
        probabilities = [np.clip(part.probabilities(features), SUREST, 1 - SUREST) for part in self.parts]
        blended: Float64 = expit(np.mean([logit(part) for part in probabilities], axis=0))
        return blended


def train(features: Float32, popular: Flags, seed: int) -> Blend:
    """Train each on all examples."""
    return Blend(tuple(train_part(features, popular, seed) for train_part in (forest.train, boosting.train)))
