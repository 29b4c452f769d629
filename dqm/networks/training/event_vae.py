"""Trains the variational autoencoder of events (:mod:`dqm.networks.event_vae`) in TensorFlow.

Each feature has the density of its kind: present or not is a coin, the size of what is present a t distribution on
the scale of :mod:`dqm.events.scaling`, whose mean and spread depend on the code.
"""

from typing import Any

import numpy as np

from dqm.networks.event_vae import FREEDOM, INPUT_REACH, MOST_LOG_SPREAD, SLOPE, EventVae, initial
from dqm.networks.training.descent import Schedule, descend, tf
from streams.arrays import Float32

HIDDEN = 64
CODE = 8


def train(
    shown: Float32, held_out: Float32, floor: Float32, rng: np.random.Generator, schedule: Schedule | None = None
) -> EventVae:
    """Train on events ``shown`` (n, 2f) as scaled; ``held_out`` (m, 2f) of later lumisections say when to stop."""
    weights = [tf.Variable(array) for array in initial(len(floor), HIDDEN, CODE, rng)]
    noise = tf.random.Generator.from_seed(int(rng.integers(2**31)))
    least = tf.constant(np.log(floor))

    def loss(rows: Any, chance: float = 1.0) -> Any:
        return tf.reduce_mean(_costs(rows, weights, least, chance * noise.normal([tf.shape(rows)[0], CODE])))

    # Sizes are clipped in training, so that one event far off does not decide what the others look like.
    learned = (np.clip(events, -INPUT_REACH, INPUT_REACH) for events in (shown, held_out))
    schedule = schedule or Schedule(rate=2e-3, beta2=0.999, patience=4, epochs=30, batch=512)
    rows = next(learned), next(learned)
    return EventVae(tuple(descend(weights, loss, rows, rng, schedule, lambda rows: loss(rows, 0.0))), floor)


def _costs(rows: Any, weights: list[Any], least: Any, noise: Any) -> Any:
    """Cost (n,) of each event, the code drawn with ``noise`` (n, code): as :meth:`EventVae.costs`, and the code."""
    f = rows.shape[1] // 2
    k1, b1, k2, b2, k3, b3, k4, b4, k5, b5 = weights
    code = tf.matmul(tf.nn.leaky_relu(tf.matmul(rows, k1) + b1, SLOPE), k2) + b2
    mean, log_variance = tf.split(code, 2, axis=1)
    log_variance = tf.clip_by_value(log_variance, -10.0, 10.0)
    drawn = mean + tf.exp(0.5 * log_variance) * noise
    layer = tf.nn.leaky_relu(tf.matmul(drawn, k3) + b3, SLOPE)
    out = tf.matmul(tf.nn.leaky_relu(tf.matmul(layer, k4) + b4, SLOPE), k5) + b5
    sizes, present = rows[:, :f], rows[:, f:]
    log_spread = tf.clip_by_value(out[:, f : 2 * f], least, MOST_LOG_SPREAD)
    pull = (sizes - out[:, :f]) * tf.exp(-log_spread)
    tail = 0.5 * (FREEDOM + 1.0) * tf.math.log1p(tf.square(pull) / FREEDOM)
    coin = tf.nn.sigmoid_cross_entropy_with_logits(labels=present, logits=out[:, 2 * f :])
    divergence = 0.5 * tf.reduce_sum(tf.square(mean) + tf.exp(log_variance) - log_variance - 1.0, axis=1)
    return tf.reduce_sum(present * (tail + log_spread) + coin, axis=1) + divergence
