"""A small autoencoder of pulls, in TensorFlow.

The network sees a histogram as pulls against its reference, so that one network serves all MEs of a group, and
learns the ways in which good lumisections depart from the reference *together*: what it can reconstruct is
ordinary. Bins with next to no expected counts are masked on both sides.

Three hidden layers, ELU; Adam; early stopping on the latest fifth of the histograms (they are in time order).
The weights are plain arrays: a model is rebuilt from numbers, never from stored code.
"""

import os

# Read when TensorFlow is imported: no start-up chatter.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from dqm.models.tensor import tf

Float32 = npt.NDArray[np.float32]

INPUT_REACH = 6.0
"""Pulls enter the network within plus and minus this: a fault must not drive its own reconstruction."""
LEAST_PRECISION = 2.0
"""Bins are masked where a doubling of the counts would not be a pull of about two: some one expected count."""

_BATCH = 512
_EPOCHS = 60
_PATIENCE = 6
_RATE = 2e-3
_ROWS = 30_000


class Autoencoder:
    """A trained network; ``weights`` are kernel and bias of each of the four layers in turn."""

    def __init__(self, weights: tuple[Float32, ...]) -> None:
        """Compile the network for ``weights``; raises ValueError if they do not fit onto one another."""
        sizes = [one.shape for one in weights]
        fits = len(weights) == 8 and all(
            len(kernel) == 2 and bias == kernel[1:] and (not place or kernel[0] == sizes[2 * place - 1][0])
            for place, (kernel, bias) in enumerate(zip(sizes[::2], sizes[1::2], strict=True))
        )
        if not fits or sizes[0][0] != sizes[-1][0]:
            raise ValueError(f"these are not the weights of an autoencoder: {sizes}")
        self.weights = weights
        bins = sizes[0][0]
        constants = [tf.constant(one) for one in weights]
        network = tf.function(
            lambda x: _network(x, constants), input_signature=[tf.TensorSpec([None, bins], tf.float32)]
        )
        # Called by its concrete form: the checks of arguments cost more than a small network.
        self._network = network.get_concrete_function()

    def errors(self, pulls: Float32, precision: Float32) -> Float32:
        """Root mean fourth power (n,) of the residuals of ``pulls`` (n, bins), over bins of some ``precision``."""
        mask = (precision >= LEAST_PRECISION).astype(np.float32)
        residual = pulls * mask
        seen = tf.constant(np.clip(residual, -INPUT_REACH, INPUT_REACH))
        residual -= self._network(seen).numpy()
        residual *= mask
        np.square(residual, out=residual)
        mean = np.vecdot(residual, residual) / (np.vecdot(mask, mask) + np.float32(1.0))
        errors: Float32 = np.sqrt(mean)
        return errors


def train(pulls: Float32, precision: Float32, seed: int) -> Autoencoder:
    """Train on histograms (n, bins) in time order; at most 30,000 of them, drawn at random, are used."""
    rng = np.random.default_rng(seed)
    if len(pulls) > _ROWS:
        chosen = np.sort(rng.choice(len(pulls), _ROWS, replace=False))
        pulls, precision = pulls[chosen], precision[chosen]
    variables = [tf.Variable(one) for one in _initial(pulls.shape[1], rng)]
    held = max(1, len(pulls) // 5)
    step = _step(variables)
    loss = tf.function(lambda z, s: _loss(z, s, variables), input_signature=_signature(pulls.shape[1]))
    late = tf.constant(pulls[-held:]), tf.constant(precision[-held:])
    early = tf.constant(pulls[:-held]), tf.constant(precision[:-held])
    best, best_weights, waited = np.inf, [one.numpy() for one in variables], 0
    for _ in range(_EPOCHS):
        order = rng.permutation(len(pulls) - held)
        for start in range(0, len(order), _BATCH):
            rows = tf.constant(order[start : start + _BATCH])
            step(tf.gather(early[0], rows), tf.gather(early[1], rows))
        now = float(loss(*late))
        if now < best * 0.9995:
            best, best_weights, waited = now, [one.numpy() for one in variables], 0
            continue
        waited += 1
        if waited > _PATIENCE:
            break
    return Autoencoder(tuple(best_weights))


def _initial(bins: int, rng: np.random.Generator) -> list[Float32]:
    """Glorot's uniform kernels and zero biases; the widths follow the number of bins."""
    hidden = min(20, max(8, bins // 4))
    code = min(8, max(2, bins // 12))
    widths = [bins, hidden, code, hidden, bins]
    weights: list[Float32] = []
    for fan_in, fan_out in pairwise(widths):
        reach = np.sqrt(6.0 / (fan_in + fan_out))
        weights.append(rng.uniform(-reach, reach, (fan_in, fan_out)).astype(np.float32))
        weights.append(np.zeros(fan_out, dtype=np.float32))
    return weights


def _signature(bins: int) -> list[Any]:
    return [tf.TensorSpec([None, bins], tf.float32)] * 2


def _step(variables: list[Any]) -> Any:
    optimizer = tf.keras.optimizers.Adam(_RATE)
    optimizer.build(variables)

    def step(pulls: Any, precision: Any) -> None:
        with tf.GradientTape() as tape:
            loss = _loss(pulls, precision, variables)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    return tf.function(step, input_signature=_signature(variables[0].shape[0]))


def _loss(pulls: Any, precision: Any, weights: list[Any]) -> Any:
    """Mean squared residual, the far ones counted linearly, over the bins that are not masked."""
    mask = tf.cast(precision >= LEAST_PRECISION, tf.float32)
    seen = tf.clip_by_value(pulls, -INPUT_REACH, INPUT_REACH) * mask
    residual = tf.abs(seen - _network(seen, weights)) * mask
    loss = tf.where(residual < 3.0, residual * residual, 6.0 * residual - 9.0)
    return tf.reduce_sum(loss) / (tf.reduce_sum(mask) + 1.0)


def _network(layer: Any, weights: list[Any]) -> Any:
    for place in range(0, len(weights), 2):
        layer = tf.nn.bias_add(tf.matmul(layer, weights[place]), weights[place + 1])
        if place < len(weights) - 2:
            layer = tf.nn.elu(layer)
    return layer
