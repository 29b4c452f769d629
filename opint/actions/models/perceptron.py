"""The published network: a multilayer perceptron on counts, its rare classes filled up by SMOTE.

SMOTE (N. Chawla et al., JAIR 16 (2002) 321) draws cases between neighbours of a rare class until all classes are
equally frequent; so probabilities are those of a balanced history. Sizes of the layers were not published.
"""

import numpy as np
from imblearn.over_sampling import SMOTE
from scipy.sparse import csr_matrix

from dqm.networks.perceptron import Perceptron
from opint.actions.arrays import Float64, Labels

NEIGHBOURS = 5
HELD_BACK = 0.1
"""Share of the filled-up cases, drawn at random, that say when to stop."""


class BalancedPerceptron:
    """A trained network and the scale (f,) of its features."""

    def __init__(self, network: Perceptron, scale: Float64) -> None:
        """Take a network and the scale of its features."""
        self._network, self._scale = network, scale

    def probabilities(self, features: csr_matrix) -> Float64:
        """Probabilities (n, k) in a history in which all classes are equally frequent."""
        dense = (features.toarray() / self._scale).astype(np.float32)
        return np.asarray(self._network.probabilities(dense), dtype=np.float64)


def train_perceptron(features: csr_matrix, label: Labels, classes: int, seed: int) -> BalancedPerceptron:
    """Train on classes (n,) of n rows; a class with fewer cases than neighbours is left as it is."""
    from dqm.networks.training.perceptron import train  # noqa: PLC0415 - TensorFlow

    scale = np.maximum(np.asarray(features.max(axis=0).todense()).ravel(), 1.0).astype(np.float64)
    dense = (features.toarray() / scale).astype(np.float32)
    counts = np.bincount(label, minlength=classes)
    aim = {each: int(counts.max()) for each in range(classes) if counts[each] > NEIGHBOURS}
    filled, labels = SMOTE(sampling_strategy=aim, k_neighbors=NEIGHBOURS, random_state=seed).fit_resample(dense, label)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    held, learned = np.split(order, [int(HELD_BACK * len(order))])
    rows, labels = np.asarray(filled, dtype=np.float32), np.asarray(labels)
    network = train((rows[learned], labels[learned]), (rows[held], labels[held]), classes, rng)
    return BalancedPerceptron(network, scale)
