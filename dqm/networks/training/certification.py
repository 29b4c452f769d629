"""The certification autoencoder (A. Pol et al., EPJ Web Conf. 214 (2019) 06008), trained in TensorFlow.

Fully connected, PReLU, mean squared error, Adam with beta1 0.9 and beta2 0.7, early stopping.
"""

from typing import Any

import numpy as np

from dqm.networks.prelu_autoencoder import PreluAutoencoder
from dqm.networks.training.dense import applied, clipped, network, variables
from dqm.networks.training.descent import Schedule, descend
from dqm.networks.training.tensor import tf
from streams.arrays import Float32


def train(
    features: Float32,
    held_out: Float32,
    rng: np.random.Generator,
    schedule: Schedule | None = None,
    code: int | None = None,
) -> PreluAutoencoder:
    """Train on good ``features`` (n, f); ``held_out`` (m, f) of later lumisections say when to stop.

    ``code`` is how many numbers are in the middle, by default those of :func:`dqm.networks.training.dense.variables`.
    """
    weights = variables(clipped(features), rng, code)

    def loss(rows: Any) -> Any:
        return tf.reduce_mean(tf.square(rows - applied(rows, weights)))

    rows = clipped(features), clipped(held_out)
    return network(descend(weights, loss, rows, rng, schedule or Schedule()))
