"""Telling a change of conditions from a fault.

Conditions (energy, fill scheme, calibration, age) move neighbouring bins alike; a channel that died or became
noisy stands out from the bins beside it. And a change stays as it is, while faults and their repair come and go.
"""

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]

STANDS_OUT = 6.0
"""A bin that stands out by more standard deviations than this is a fault and is never adopted by itself."""
ALIKE = 3.0
"""Two histograms agree up to this mean squared difference per bin, in units of its variance."""
PERSISTS = 3
"""A new shape is adopted when this many of the newest runs show it ..."""
WITHIN = 5
"""... of as many as these."""


def contrasts(counts: Float64) -> Float64:
    """How far each inner bin lies above the middle of its neighbours: ``counts`` (..., bins) to (..., bins - 2).

    Square roots make the variance of a Poisson count the same everywhere (F. J. Anscombe, Biometrika 35 (1948)
    246), so a smooth histogram gives contrasts of about unit variance. Bins of a histogram with several axes are
    compared in the order in which they are stored.
    """
    roots = 2.0 * np.sqrt(counts + 0.375)
    inner: Float64 = (roots[..., 1:-1] - (roots[..., :-2] + roots[..., 2:]) / 2) / np.sqrt(1.5)
    return inner


def stands_out(counts: Float64, expected: Float64, wander: Float64) -> Float64:
    """The largest contrast (...) that ``expected`` does not have, in standard deviations; 0 below three bins.

    ``wander`` is the relative variance of each bin among good shapes, taken as if bins wandered each for itself:
    that is unfavourable, since what wanders together makes no contrast.
    """
    moved = wander * expected
    variance = 1.0 + (moved[..., 1:-1] + (moved[..., :-2] + moved[..., 2:]) / 4) / 1.5
    unlike = np.abs(contrasts(counts) - contrasts(expected)) / np.sqrt(variance)
    largest: Float64 = unlike.max(axis=-1, initial=0.0)
    return largest


def differences(one: Float64, other: Float64, wander: Float64) -> Float64:
    """Mean squared difference of the shapes of two histograms (..., bins), about 1 where they agree.

    The variance is Poisson's of both plus the relative variance ``wander`` of good shapes, twice. An empty
    histogram agrees with nothing.
    """
    sizes = one.sum(axis=-1, keepdims=True), other.sum(axis=-1, keepdims=True)
    empty = (np.minimum(*sizes) <= 0)[..., 0]
    first, second = (np.maximum(size, 1.0) for size in sizes)
    share = (one + other + 0.5) / (first + second + 0.5 * one.shape[-1])
    variance = share * (1 / first + 1 / second) + 2.0 * wander * share**2
    found: Float64 = ((one / first - other / second) ** 2 / variance).mean(axis=-1)
    found[empty] = np.inf
    return found


def lasting(counts: Float64, recent: Float64, faulty: Rows, wander: Float64) -> tuple[Rows, Float64]:
    """Whether the shape of the newest run is there to stay, (n,), and the sum of the runs that show it.

    ``counts`` (n, bins) is the newest run, ``recent`` (r, n, bins) the runs before; at most ``WITHIN - 1`` count.
    ``faulty`` (r + 1, n) says where bins stand out, the newest run last. A shape is not there to stay if a bin stands
    out in any run that shows it: a small run hides what a large one tells.
    """
    before = recent[-(WITHIN - 1) :]
    like = differences(counts[None], before, wander) < ALIKE
    clean = ~(np.concatenate([like & faulty[:-1][-(WITHIN - 1) :], faulty[-1:]])).any(axis=0)
    total: Float64 = counts + (before * like[..., None]).sum(axis=0)
    return clean & (1 + like.sum(axis=0) >= PERSISTS), total
