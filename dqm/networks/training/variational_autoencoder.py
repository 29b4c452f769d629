"""The variational autoencoder beside the plain one (D. Kingma, M. Welling, arXiv:1312.6114).

The encoder gives a mean and a logarithm of the variance for every number of the code, the decoder the mean of each
feature, whose variance is one. To score, the mean of the code is decoded: the network that comes out is one of the
same kind as the plain autoencoder's, and nothing is random once it is trained.
"""

from typing import Any

import numpy as np

from dqm.networks.prelu_autoencoder import PreluAutoencoder
from dqm.networks.training.descent import Schedule, descend, tf
from dqm.networks.training.prelu_autoencoder import clipped, network, prelu, variables
from streams.arrays import Float32

_FIRST_LOG_VARIANCE = -2.0


def train(
    features: Float32,
    held_out: Float32,
    rng: np.random.Generator,
    schedule: Schedule | None = None,
    code: int | None = None,
) -> PreluAutoencoder:
    """Train on good ``features`` (n, f); ``held_out`` (m, f) of later lumisections say when to stop.

    ``code`` is how many numbers are in the middle, by default those of :func:`~.prelu_autoencoder.variables`.
    """
    shown = clipped(features)
    weights = variables(shown, rng, code)
    middle = weights[3].shape[1]
    spread = [
        tf.Variable(np.zeros(weights[3].shape, dtype=np.float32)),
        tf.Variable(np.full(middle, _FIRST_LOG_VARIANCE, dtype=np.float32)),
    ]
    noise = tf.random.Generator.from_seed(int(rng.integers(2**31)))
    # A code of unit variance: what the prior of the divergence expects.
    _standardise(weights, shown)

    def loss(rows: Any, chance: float = 1.0) -> Any:
        hidden = prelu(tf.matmul(rows, weights[0]) + weights[1], weights[2])
        mean = tf.matmul(hidden, weights[3]) + weights[4]
        log_variance = tf.matmul(hidden, spread[0]) + spread[1]
        drawn = mean + chance * tf.exp(0.5 * log_variance) * noise.normal(tf.shape(mean))
        layer = prelu(tf.matmul(prelu(drawn, weights[5]), weights[6]) + weights[7], weights[8])
        error = tf.reduce_sum(tf.square(rows - tf.matmul(layer, weights[9]) - weights[10]), axis=1)
        divergence = tf.reduce_sum(tf.square(mean) + tf.exp(log_variance) - log_variance - 1.0, axis=1)
        return tf.reduce_mean(error + divergence) / (2.0 * rows.shape[1])

    rows = shown, clipped(held_out)
    trained = descend([*weights, *spread], loss, rows, rng, schedule or Schedule(), lambda rows: loss(rows, 0.0))
    return network(trained[: len(weights)])


def _standardise(weights: list[Any], shown: Float32) -> None:
    """Scale the code of a network that starts as principal components to unit variance, and back behind it."""
    spread = np.maximum((shown @ weights[0].numpy() @ weights[3].numpy()).std(axis=0), 1e-3)
    weights[3].assign(weights[3] / spread)
    weights[6].assign(weights[6] * spread[:, None])
