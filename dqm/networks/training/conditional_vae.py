"""Training of the conditional variational autoencoder of trigger rates (arXiv:2010.05531).

Loss: negative logarithm of the likelihood plus the Kullback-Leibler divergence; Adam at 1e-3 in batches of 128,
patience of 32 epochs. Dense layers of 10 and 10 ELU units and a code of 4 are the published size, made for 24 paths; a
larger menu gets more.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from dqm.networks.conditional_vae import LOG_VARIANCE, ConditionalVae, clipped
from dqm.networks.training.descent import Schedule, descend, tf
from streams.arrays import Float32

PUBLISHED = Schedule(rate=1e-3, beta1=0.9, beta2=0.999, patience=32, epochs=400, batch=128)


@dataclass(frozen=True, slots=True)
class Size:
    """Units of the two hidden layers, numbers of the code, and whether paths also follow the condition directly."""

    hidden: tuple[int, int] = (10, 10)
    code: int = 4
    direct: bool = False


def size_for(paths: int) -> Size:
    """The size for a menu of so many paths: the published one for as few as there, with 64 units from 200 on."""
    units = min(64, max(10, paths // 3))
    return Size((units, units), min(8, max(4, paths // 6)), direct=True)


def train(
    learned: tuple[Float32, Float32],
    held_out: tuple[Float32, Float32],
    rng: np.random.Generator,
    size: Size,
    schedule: Schedule = PUBLISHED,
) -> ConditionalVae:
    """Train on residuals of paths (L, p) and of seeds (L, c); those ``held_out`` say when to stop.

    c may be 0: a plain variational autoencoder. With ``size.direct`` the descent starts at the linear regression on the
    condition; both then go on together.
    """
    paths, condition = clipped(learned[0]), clipped(learned[1])
    p, c = paths.shape[1], condition.shape[1]
    encoder = _layers((p + c, *size.hidden, 2 * size.code), rng)
    decoder = _layers((size.code + c, *size.hidden[::-1], 2 * p), rng)
    variables = [*encoder, *decoder]
    direct = tf.Variable(_regression(condition, paths) if size.direct else np.zeros((c, p), dtype=np.float32))
    noise = tf.random.Generator.from_seed(int(rng.integers(2**31)))

    def loss(rows: Any, chance: float = 1.0) -> Any:
        shown, shown_condition = rows[:, :p], rows[:, p:]
        mean, log_variance = _halves(_forward(encoder, rows))
        code = mean + chance * tf.exp(0.5 * log_variance) * noise.normal(tf.shape(mean))
        reconstructed, log_spread = _halves(_forward(decoder, tf.concat([code, shown_condition], axis=1)))
        reconstructed += tf.matmul(shown_condition, direct)
        error = tf.reduce_sum(tf.square(shown - reconstructed) / tf.exp(log_spread) + log_spread, axis=1)
        divergence = tf.reduce_sum(tf.square(mean) + tf.exp(log_variance) - log_variance - 1.0, axis=1)
        return tf.reduce_mean(error + divergence) / 2.0

    if size.direct:
        variables.append(direct)
    rows = (
        np.concatenate([paths, condition], axis=1),
        np.concatenate([clipped(residuals) for residuals in held_out], axis=1),
    )
    values = descend(variables, loss, rows, rng, schedule, lambda late: loss(late, 0.0))
    layers = [(values[at], values[at + 1]) for at in range(0, len(encoder) + len(decoder), 2)]
    middle = len(encoder) // 2
    return ConditionalVae(tuple(layers[:middle]), tuple(layers[middle:]), values[-1] if size.direct else direct.numpy())


def _layers(widths: tuple[int, ...], rng: np.random.Generator) -> list[Any]:
    """Kernels by Glorot's uniform distribution and biases of zero, one after the other."""
    variables: list[Any] = []
    for before, after in pairwise(widths):
        reach = np.sqrt(6.0 / (before + after))
        variables.append(tf.Variable(rng.uniform(-reach, reach, (before, after)).astype(np.float32)))
        variables.append(tf.Variable(np.zeros(after, dtype=np.float32)))
    # The last layer starts small: the likelihood of a random decoder would be astronomically bad.
    variables[-2].assign(0.1 * variables[-2])
    return variables


def _forward(layers: list[Any], shown: Any) -> Any:
    for at in range(0, len(layers) - 2, 2):
        shown = tf.nn.elu(tf.matmul(shown, layers[at]) + layers[at + 1])
    return tf.matmul(shown, layers[-2]) + layers[-1]


def _halves(last: Any) -> tuple[Any, Any]:
    mean, log_variance = tf.split(last, 2, axis=1)
    return mean, tf.clip_by_value(log_variance, -LOG_VARIANCE, LOG_VARIANCE)


def _regression(condition: Float32, paths: Float32) -> Float32:
    """Ridge regression (c, p) of the paths on the condition."""
    ridge = 1e-2 * len(condition) * np.eye(condition.shape[1])
    coefficients: Float32 = np.linalg.solve(condition.T @ condition + ridge, condition.T @ paths).astype(np.float32)
    return coefficients
