"""The cross-entropy method: draw knobs from a normal distribution, keep the best quarter, draw anew from theirs.

Rubinstein (1999); the smoothing that keeps the width from collapsing is that of Szita and Lörincz (2006).
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from rl_cache.arrays import Float64

_SMOOTHING = 0.7
_ELITE = 0.25


def cross_entropy(
    gain: Callable[[Float64], float],
    start: Float64,
    width: Float64,
    rng: Generator,
    *,
    rounds: int,
    population: int,
    progress: Callable[[str, float], None],
) -> tuple[Float64, float]:
    """Look for the point of the greatest ``gain``; the best one tried and its gain. ``start`` itself is tried first.

    Args:
        gain: to be made great; called ``rounds * population + 1`` times.
        start: mean of the first round.
        width: standard deviations of the first round; 0 keeps a coordinate where it is.
        rng: of the draws.
        rounds: how often the distribution moves.
        population: draws in a round.
        progress: called with a word and the share done.
    """
    mean, width = start.astype(np.float64), width.astype(np.float64)
    best, most = mean, gain(mean)
    elite = max(2, round(_ELITE * population))
    for done in range(rounds):
        drawn = mean + width * rng.standard_normal((population, len(mean)))
        gains = np.zeros(population)
        for k, point in enumerate(drawn):
            progress(f"cross-entropy, round {done + 1}", (done * population + k) / (rounds * population))
            gains[k] = gain(point)
        order = np.argsort(-gains)
        if gains[order[0]] > most:
            best, most = drawn[order[0]], float(gains[order[0]])
        chosen = drawn[order[:elite]]
        mean = (1 - _SMOOTHING) * mean + _SMOOTHING * chosen.mean(axis=0)
        width = (1 - _SMOOTHING) * width + _SMOOTHING * chosen.std(axis=0)
    progress("cross-entropy", 1.0)
    return best, most
