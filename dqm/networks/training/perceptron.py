"""Training of the classifier :class:`dqm.networks.feedforward.Perceptron`: cross entropy, Adam, early stopping."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from dqm.networks.feedforward import Perceptron
from dqm.networks.training.descent import Schedule, descend, tf
from streams.arrays import Float32

HIDDEN = (128, 64)
SCHEDULE = Schedule(rate=1e-3, beta1=0.9, beta2=0.999, patience=2, epochs=12, batch=512)

Examples = tuple[Float32, npt.NDArray[np.intp]]
"""Features (n, f) and classes (n,)."""


def train(
    learned: Examples, held_out: Examples, classes: int, rng: np.random.Generator, schedule: Schedule = SCHEDULE
) -> Perceptron:
    """Train on the ``learned`` examples; those ``held_out`` say when to stop."""
    widths = (learned[0].shape[1], *HIDDEN, classes)
    weights: list[Any] = []
    for before, after in pairwise(widths):
        reach = np.sqrt(6.0 / (before + after))
        weights.append(tf.Variable(rng.uniform(-reach, reach, (before, after)).astype(np.float32)))
        weights.append(tf.Variable(np.zeros(after, dtype=np.float32)))

    def loss(rows: Any) -> Any:
        layer = rows[:, : widths[0]]
        for place in range(0, len(weights) - 2, 2):
            layer = tf.nn.relu(tf.matmul(layer, weights[place]) + weights[place + 1])
        logits = tf.matmul(layer, weights[-2]) + weights[-1]
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(rows[:, widths[0] :], logits))

    values = descend(weights, loss, (_rows(learned, classes), _rows(held_out, classes)), rng, schedule)
    return Perceptron(tuple(zip(values[::2], values[1::2], strict=True)))


def _rows(examples: Examples, classes: int) -> Float32:
    """Features and targets in one table (n, f + k)."""
    features, label = examples
    return np.concatenate([features, np.eye(classes, dtype=np.float32)[label]], axis=1)
