"""Stochastic descent in TensorFlow, with early stopping: training ends when the loss on held-out rows stops falling.

TensorFlow runs on the processor, in two threads; it can be configured only once, before anything has run.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conf.errors import NightshiftError
from streams.arrays import Float32

try:
    import tensorflow as tf
except ModuleNotFoundError:
    raise NightshiftError("training a network needs TensorFlow: pip install 'nightshift[train]'") from None

tf.config.set_visible_devices([], "GPU")
tf.config.threading.set_intra_op_parallelism_threads(2)
tf.config.threading.set_inter_op_parallelism_threads(1)

__all__ = ["Loss", "Schedule", "descend", "tf"]

Loss = Callable[[Any], Any]
"""From a tensor of features (rows, f) to a scalar."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast; the defaults are the published ones (A. Pol et al., EPJ Web Conf. 214 (2019) 06008).

    ``patience`` counts epochs without a smaller loss on the held rows, ``batch`` rows of one step.
    """

    rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.7
    patience: int = 32
    epochs: int = 100
    batch: int = 128


def descend(
    variables: Sequence[Any],
    loss: Loss,
    rows: tuple[Float32, Float32],
    rng: np.random.Generator,
    schedule: Schedule,
    held_loss: Loss | None = None,
) -> list[Float32]:
    """Values of ``variables`` at the smallest loss on the held rows.

    ``rows`` are the features (n, f) to learn from and those held back, which ``held_loss`` (by default ``loss``)
    judges. The values before the first step take part: the result is never worse on the held rows than the start.
    """
    learned, held_out = (tf.constant(features) for features in rows)
    step = _step(list(variables), loss, schedule)
    judged = tf.function(held_loss or loss)

    def epoch() -> None:
        order = rng.permutation(len(rows[0]))
        for start in range(0, len(order), schedule.batch):
            step(tf.gather(learned, tf.constant(order[start : start + schedule.batch])))

    first = float(judged(held_out))
    return stop_early(
        variables, epoch, lambda: float(judged(held_out)), schedule.epochs, schedule.patience, least=first
    )


def stop_early(
    variables: Sequence[Any],
    epoch: Callable[[], None],
    held_loss: Callable[[], float],
    epochs: int,
    patience: int,
    factor: float = 1.0,
    least: float = math.inf,
) -> list[Float32]:
    """Values of ``variables`` at the smallest loss on held-back data.

    Ends after ``epochs``, or after ``patience`` of them in a row without a loss below ``factor`` times the ``least``.
    """
    values, waited = [variable.numpy() for variable in variables], 0
    for _ in range(epochs):
        epoch()
        loss = held_loss()
        if loss < least * factor:
            least, values, waited = loss, [variable.numpy() for variable in variables], 0
            continue
        waited += 1
        if waited >= patience:
            break
    return values


def _step(variables: list[Any], loss: Loss, schedule: Schedule) -> Any:
    optimizer = tf.keras.optimizers.Adam(schedule.rate, schedule.beta1, schedule.beta2)
    optimizer.build(variables)

    def step(rows: Any) -> None:
        with tf.GradientTape() as tape:
            value = loss(rows)
        optimizer.apply_gradients(zip(tape.gradient(value, variables), variables, strict=True))

    return tf.function(step, reduce_retracing=True)
