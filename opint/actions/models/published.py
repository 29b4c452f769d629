"""The published methods (indico 587955/2937424), on counts by code and by site: logistic regression, and a network.

The network is a multilayer perceptron, its rare classes filled up by SMOTE (N. Chawla et al., JAIR 16 (2002) 321). It
draws cases between neighbours of a rare class until all classes are equally frequent; so probabilities are those of a
balanced history. Sizes of the layers were not published.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from dqm.networks.feedforward import Perceptron
from streams.arrays import Float64, Indices

ITERATIONS = 300
NEIGHBOURS = 5
HELD_BACK = 0.1
"""Share of the filled-up cases, drawn at random, that say when to stop."""


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


def train_logistic(features: csr_matrix, label: Indices, classes: int) -> Logistic:
    """Weights with the usual penalty, learned from classes (n,), of which at least two occur."""
    return Logistic(LogisticRegression(max_iter=ITERATIONS, tol=1e-3).fit(features, label), classes)


class BalancedPerceptron:
    """A trained network and the scale (f,) of its features."""

    def __init__(self, network: Perceptron, scale: Float64) -> None:
        """Take a network and the scale of its features."""
        self._network, self._scale = network, scale

    def probabilities(self, features: csr_matrix) -> Float64:
        """Probabilities (n, k) in a history in which all classes are equally frequent."""
        dense = (features.toarray() / self._scale).astype(np.float32)
        return np.asarray(self._network.probabilities(dense), dtype=np.float64)


def train_perceptron(features: csr_matrix, label: Indices, classes: int, seed: int) -> BalancedPerceptron:
    """Train on classes (n,) of n rows; a class with fewer cases than neighbours is left as it is."""
    from imblearn.over_sampling import SMOTE  # noqa: PLC0415 - an extra of the benchmarks

    from dqm.networks.training.perceptron import train  # noqa: PLC0415 - TensorFlow

    scale = np.maximum(np.asarray(features.max(axis=0).todense()).ravel(), 1.0).astype(np.float64)
    dense = (features.toarray() / scale).astype(np.float32)
    counts = np.bincount(label, minlength=classes)
    aim = {each: int(counts.max()) for each in range(classes) if counts[each] > NEIGHBOURS}
    filled, labels = SMOTE(sampling_strategy=aim, k_neighbors=NEIGHBOURS, random_state=seed).fit_resample(dense, label)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    validation, learned = np.split(order, [int(HELD_BACK * len(order))])
    rows, labels = np.asarray(filled, dtype=np.float32), np.asarray(labels)
    network = train((rows[learned], labels[learned]), (rows[validation], labels[validation]), classes, rng)
    return BalancedPerceptron(network, scale)
