"""Training of the network of strips, :mod:`dqm.networks.strip_cnn`.

Classes are weighted by their rarity; training ends when the loss on held-out strips has not fallen for 32 epochs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dqm.networks.strip_cnn import FILTERS, HIDDEN, POOL, WIDTH, StripCnn
from dqm.networks.training.descent import stop_early, tf
from streams.arrays import Float32, Mask

PATIENCE = 32
EPOCHS = 150

_BATCH = 256
_RATE = 3e-3


@dataclass(frozen=True, slots=True, eq=False)
class LabelledStrips:
    """Prepared strips (n, length), and which of them are bad (n,)."""

    strips: Float32
    bad: Mask


def train(learn: LabelledStrips, held_out: LabelledStrips, seed: int) -> StripCnn:
    """Train on ``learn`` and stop by ``held_out``; without bad strips it learns that all are good.

    The length of strips must be a multiple of 5, and 2.
    """
    rng = np.random.default_rng(seed)
    variables = [tf.Variable(value) for value in _initial(learn.strips.shape[1], rng)]
    rarity = tf.constant(_rarity(learn.bad))
    epoch, loss = _epoch(variables, rarity, learn), _evaluation(variables, rarity)
    late = tf.constant(held_out.strips), tf.constant(held_out.bad.astype(np.int32))
    weights = stop_early(
        variables,
        lambda: epoch(tf.constant(rng.permutation(len(learn.strips)))),
        lambda: float(loss(*late)),
        EPOCHS,
        PATIENCE,
        factor=0.999,
    )
    return StripCnn(tuple(weights))


def _rarity(bad: Mask) -> Float32:
    """Weights of good and bad strips with which both classes count the same; one of them may be empty."""
    counts = np.array([(~bad).sum(), bad.sum()], dtype=np.float32)
    return np.float32(len(bad)) / (np.float32(2.0) * np.maximum(counts, np.float32(1.0)))


def _initial(length: int, rng: np.random.Generator) -> list[Float32]:
    """Glorot's uniform kernels and zero biases."""
    pooled = (length - WIDTH + 1) // POOL * FILTERS
    weights: list[Float32] = []
    for shape, fans in (
        ((WIDTH, 1, FILTERS), WIDTH * (1 + FILTERS)),
        ((pooled, HIDDEN), pooled + HIDDEN),
        ((HIDDEN, 2), HIDDEN + 2),
    ):
        reach = np.sqrt(6.0 / fans)
        weights.append(rng.uniform(-reach, reach, shape).astype(np.float32))
        weights.append(np.zeros(shape[-1], dtype=np.float32))
    return weights


def _epoch(variables: list[Any], rarity: Any, learn: LabelledStrips) -> Any:
    """One pass over the strips in a given order, as one graph: a call for each step would cost more than the step."""
    optimizer = tf.keras.optimizers.Adam(_RATE)
    optimizer.build(variables)
    strips, labels = tf.constant(learn.strips), tf.constant(learn.bad.astype(np.int32))

    def epoch(order: Any) -> None:
        for start in tf.range(0, tf.size(order), _BATCH):
            rows = order[start : start + _BATCH]
            with tf.GradientTape() as tape:
                loss = _loss(tf.gather(strips, rows), tf.gather(labels, rows), variables, rarity)
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    return tf.function(epoch, input_signature=[tf.TensorSpec([None], tf.int64)])


def _evaluation(variables: list[Any], rarity: Any) -> Any:
    return tf.function(lambda strips, labels: _loss(strips, labels, variables, rarity))


def _loss(strips: Any, labels: Any, weights: Sequence[Any], rarity: Any) -> Any:
    """Weighted cross-entropy."""
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=_logits(strips, weights))
    return tf.reduce_mean(each * tf.gather(rarity, labels))


def _logits(strips: Any, weights: Sequence[Any]) -> Any:
    """A convolution over one channel is a product with neighbours side by side, which is several times faster."""
    kernel, bias, hidden, hidden_bias, output, output_bias = weights
    places = strips.shape[1] - WIDTH + 1
    neighbours = tf.stack([strips[:, at : at + places] for at in range(WIDTH)], axis=-1)
    layer = tf.matmul(tf.reshape(neighbours, [-1, WIDTH]), kernel[:, 0])
    # The largest of biased, rectified values is the biased, rectified largest value.
    layer = tf.reduce_max(tf.reshape(layer, [-1, places // POOL, POOL, FILTERS]), axis=2)
    layer = tf.reshape(tf.nn.relu(layer + bias), [-1, hidden.shape[0]])
    layer = tf.nn.relu(tf.matmul(layer, hidden) + hidden_bias)
    return tf.matmul(layer, output) + output_bias
