"""A small convolutional network that tells good strips from bad ones, in TensorFlow.

The local approach of A. Pol et al. (Comput. Softw. Big Sci. 3 (2019) 3, arXiv:1808.00911): ten filters of width 3,
maxima over 5 places, eight hidden units, two outputs; classes weighted by their rarity; training ends when the loss
on held-out strips has not fallen for 32 epochs. The weights are plain arrays: a network is rebuilt from numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dqm.models.tensor import tf

Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_]

PATIENCE = 32
EPOCHS = 150

_FILTERS, _WIDTH, _POOL, _HIDDEN = 10, 3, 5, 8
_BATCH = 256
_RATE = 3e-3


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Prepared strips (n, length), and which of them are bad (n,)."""

    strips: Float32
    bad: Rows


class LocalCnn:
    """A trained network; ``weights`` are kernel and bias of the convolution, the hidden layer and the output."""

    def __init__(self, weights: tuple[Float32, ...]) -> None:
        """Compile the network for ``weights``; raises ValueError if they are not those of such a network."""
        sizes = [one.shape for one in weights]
        fits = (
            len(weights) == 6
            and sizes[:2] == [(_WIDTH, 1, _FILTERS), (_FILTERS,)]
            and len(sizes[2]) == 2
            and sizes[2][0] % _FILTERS == 0
            and sizes[3:] == [(_HIDDEN,), (_HIDDEN, 2), (2,)]
        )
        if not fits:
            raise ValueError(f"these are not the weights of a local network: {sizes}")
        self.weights = weights
        length = sizes[2][0] // _FILTERS * _POOL + _WIDTH - 1
        constants = [tf.constant(one) for one in weights]
        compiled = tf.function(
            lambda x: _logits(x, constants), input_signature=[tf.TensorSpec([None, length], tf.float32)]
        )
        self._network = compiled.get_concrete_function()

    def surprise(self, strips: Float32) -> Float32:
        """-ln of the probability that each of the prepared ``strips`` (n, length) is good, (n,); 0 is surely good."""
        logits = self._network(tf.constant(strips)).numpy()
        surprise: Float32 = np.logaddexp(np.float32(0.0), logits[:, 1] - logits[:, 0])
        return surprise


def train(learn: Labelled, held: Labelled, seed: int) -> LocalCnn:
    """Train on ``learn`` and stop by ``held``; without bad strips it learns that all are good.

    The length of strips must be a multiple of 5, and 2.
    """
    rng = np.random.default_rng(seed)
    variables = [tf.Variable(one) for one in _initial(learn.strips.shape[1], rng)]
    rarity = tf.constant(_rarity(learn.bad))
    epoch, loss = _epoch(variables, rarity, learn), _evaluation(variables, rarity)
    late = tf.constant(held.strips), tf.constant(held.bad.astype(np.int32))
    best, best_weights, waited = np.inf, [one.numpy() for one in variables], 0
    for _ in range(EPOCHS):
        epoch(tf.constant(rng.permutation(len(learn.strips))))
        now = float(loss(*late))
        if now < best * 0.999:
            best, best_weights, waited = now, [one.numpy() for one in variables], 0
            continue
        waited += 1
        if waited >= PATIENCE:
            break
    return LocalCnn(tuple(best_weights))


def _rarity(bad: Rows) -> Float32:
    """Weights of good and bad strips with which both classes count the same; one of them may be empty."""
    counts = np.array([(~bad).sum(), bad.sum()], dtype=np.float32)
    return np.float32(len(bad)) / (np.float32(2.0) * np.maximum(counts, np.float32(1.0)))


def _initial(length: int, rng: np.random.Generator) -> list[Float32]:
    """Glorot's uniform kernels and zero biases."""
    pooled = (length - _WIDTH + 1) // _POOL * _FILTERS
    weights: list[Float32] = []
    for shape, fans in (
        ((_WIDTH, 1, _FILTERS), _WIDTH * (1 + _FILTERS)),
        ((pooled, _HIDDEN), pooled + _HIDDEN),
        ((_HIDDEN, 2), _HIDDEN + 2),
    ):
        reach = np.sqrt(6.0 / fans)
        weights.append(rng.uniform(-reach, reach, shape).astype(np.float32))
        weights.append(np.zeros(shape[-1], dtype=np.float32))
    return weights


def _epoch(variables: list[Any], rarity: Any, learn: Labelled) -> Any:
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
    places = strips.shape[1] - _WIDTH + 1
    neighbours = tf.stack([strips[:, at : at + places] for at in range(_WIDTH)], axis=-1)
    layer = tf.matmul(tf.reshape(neighbours, [-1, _WIDTH]), kernel[:, 0])
    # The largest of biased, rectified values is the biased, rectified largest value.
    layer = tf.reduce_max(tf.reshape(layer, [-1, places // _POOL, _POOL, _FILTERS]), axis=2)
    layer = tf.reshape(tf.nn.relu(layer + bias), [-1, hidden.shape[0]])
    layer = tf.nn.relu(tf.matmul(layer, hidden) + hidden_bias)
    return tf.matmul(layer, output) + output_bias
