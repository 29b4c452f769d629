"""Training of the autoencoder of maps, :mod:`dqm.networks.map_autoencoder`.

Adam; early stopping on the latest fifth of the maps, which are in time order.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dqm.networks.map_autoencoder import SHAPES, MapAutoencoder
from dqm.networks.training.descent import stop_early, tf
from streams.arrays import Float32

MOST_CELLS = 8_000_000
"""Cells that are trained on at most; maps are drawn at random where there are more."""

_BATCH = 128
_EPOCHS = 60
_PATIENCE = 7
_RATE = 3e-3
_FAR = 3.0


def train(maps: Float32, seed: int) -> MapAutoencoder:
    """Train on good maps (n, rows, columns) in time order."""
    rng = np.random.default_rng(seed)
    most = max(2, MOST_CELLS // maps[0].size)
    if len(maps) > most:
        maps = maps[np.sort(rng.choice(len(maps), most, replace=False))]
    variables = [tf.Variable(value) for value in _initial(rng)]
    held_out = max(1, len(maps) // 5)
    epoch = _epoch(variables, tf.constant(maps[:-held_out]))
    loss, late = tf.function(lambda batch: _loss(batch, variables)), tf.constant(maps[-held_out:])
    weights = stop_early(
        variables,
        lambda: epoch(tf.constant(rng.permutation(len(maps) - held_out))),
        lambda: float(loss(late)),
        _EPOCHS,
        _PATIENCE,
        factor=0.9995,
    )
    return MapAutoencoder(tuple(weights))


def _initial(rng: np.random.Generator) -> list[Float32]:
    """Glorot's uniform kernels and zero biases."""
    weights: list[Float32] = []
    for shape in SHAPES:
        reach = np.sqrt(6.0 / (shape[0] * shape[1] * (shape[2] + shape[3]))) if len(shape) == 4 else 0.0
        weights.append(rng.uniform(-reach, reach, shape).astype(np.float32))
    return weights


def _epoch(variables: list[Any], maps: Any) -> Any:
    """One pass over the maps in a given order, as one graph."""
    optimizer = tf.keras.optimizers.Adam(_RATE)
    optimizer.build(variables)

    def epoch(order: Any) -> None:
        for start in tf.range(0, tf.size(order), _BATCH):
            batch = tf.gather(maps, order[start : start + _BATCH])
            with tf.GradientTape() as tape:
                loss = _loss(batch, variables)
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    return tf.function(epoch, input_signature=[tf.TensorSpec([None], tf.int64)])


def _loss(maps: Any, weights: Sequence[Any]) -> Any:
    """Mean squared residual, the far ones counted linearly."""
    residual = tf.abs(maps - _network(maps, weights))
    return tf.reduce_mean(tf.where(residual < _FAR, residual * residual, 2 * _FAR * residual - _FAR**2))


def _network(maps: Any, weights: Sequence[Any]) -> Any:
    first, first_bias, second, second_bias, third, third_bias, fourth, fourth_bias = weights
    image = maps[..., None]
    half = tf.nn.elu(tf.nn.conv2d(image, first, 2, "SAME") + first_bias)
    code = tf.nn.elu(tf.nn.conv2d(half, second, 2, "SAME") + second_bias)
    wide = tf.nn.elu(tf.nn.conv2d_transpose(code, third, tf.shape(half), 2, "SAME") + third_bias)
    return (tf.nn.conv2d_transpose(wide, fourth, tf.shape(image), 2, "SAME") + fourth_bias)[..., 0]
