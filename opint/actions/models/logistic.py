"""Logistic regression on counts by code and by site: the published baseline (indico 587955/2937424)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from opint.actions.arrays import Float64, Labels

ITERATIONS = 300


@dataclass(frozen=True)
class Logistic:
    """A trained regression of ``classes`` classes; a class it has not met has probability 0."""

    regression: Any
    classes: int

    def probabilities(self, features: csr_matrix) -> Float64:
        """Probabilities (n, k)."""
        probability = np.zeros((features.shape[0], self.classes))
        probability[:, self.regression.classes_] = self.regression.predict_proba(features)
        return probability


def train_logistic(features: csr_matrix, label: Labels, classes: int) -> Logistic:
    """Weights with the usual penalty, learned from classes (n,), of which at least two occur."""
    return Logistic(LogisticRegression(max_iter=ITERATIONS, tol=1e-3).fit(features, label), classes)
