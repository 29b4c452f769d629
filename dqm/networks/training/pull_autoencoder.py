"""Training of the autoencoder of pulls, :mod:`dqm.networks.pull_autoencoder`.

Adam; early stopping on the latest fifth of the histograms (they are in time order). The weights are plain arrays: a
model is rebuilt from numbers, never from stored code.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from dqm.networks.pull_autoencoder import INPUT_REACH, LEAST_PRECISION, PullAutoencoder
from dqm.networks.training.descent import stop_early, tf
from streams.arrays import Float32

_BATCH = 512
_EPOCHS = 60
_PATIENCE = 7
_RATE = 2e-3
_ROWS = 30_000


def train(pulls: Float32, precision: Float32, seed: int) -> PullAutoencoder:
    """Train on histograms (n, bins) in time order; at most 30,000 of them, drawn at random, are used."""
    rng = np.random.default_rng(seed)
    if len(pulls) > _ROWS:
        chosen = np.sort(rng.choice(len(pulls), _ROWS, replace=False))
        pulls, precision = pulls[chosen], precision[chosen]
    variables = [tf.Variable(value) for value in _initial(pulls.shape[1], rng)]
    held_out = max(1, len(pulls) // 5)
    step = _step(variables)
    loss = tf.function(lambda z, s: _loss(z, s, variables), input_signature=_signature(pulls.shape[1]))
    late = tf.constant(pulls[-held_out:]), tf.constant(precision[-held_out:])
    early = tf.constant(pulls[:-held_out]), tf.constant(precision[:-held_out])

    def epoch() -> None:
        order = rng.permutation(len(pulls) - held_out)
        for start in range(0, len(order), _BATCH):
            rows = tf.constant(order[start : start + _BATCH])
            step(tf.gather(early[0], rows), tf.gather(early[1], rows))

    weights = stop_early(variables, epoch, lambda: float(loss(*late)), _EPOCHS, _PATIENCE, factor=0.9995)
    return PullAutoencoder(tuple(weights))


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
    inputs = tf.clip_by_value(pulls, -INPUT_REACH, INPUT_REACH) * mask
    residual = tf.abs(inputs - _network(inputs, weights)) * mask
    loss = tf.where(residual < 3.0, residual * residual, 6.0 * residual - 9.0)
    return tf.reduce_sum(loss) / (tf.reduce_sum(mask) + 1.0)


def _network(layer: Any, weights: list[Any]) -> Any:
    for place in range(0, len(weights), 2):
        layer = tf.nn.bias_add(tf.matmul(layer, weights[place]), weights[place + 1])
        if place < len(weights) - 2:
            layer = tf.nn.elu(layer)
    return layer
