"""What each fault does to the expected counts of one histogram: pure functions, one for each kind.

All have one signature: the expectation (cells of the ME's shape, 1-D or 2-D), its axes, the severity
and the fault's own generator; they return a new expectation. :class:`dqm.simulate.faults.FaultKind`
says what the severity means. Stuck and missing do not act on the expectation and are not here.
"""

from collections.abc import Callable, Mapping

import numpy as np

from dqm.histograms.fault_hypotheses import remapped, scale_edges, shift_edges
from dqm.simulate.faults import FaultKind
from streams.arrays import Float64
from streams.records import Axis

Effect = Callable[[Float64, tuple[Axis, ...], float, np.random.Generator], Float64]


def dead(mean: Float64, axes: tuple[Axis, ...], severity: float, rng: np.random.Generator) -> Float64:
    """No counts in a block of the share ``severity`` of the bins around a bin drawn by its content."""
    total = mean.sum()
    centre = np.unravel_index(rng.choice(mean.size, p=(mean / total).ravel()) if total > 0 else 0, mean.shape)
    # In a map the block has the proportions of the map.
    side = severity ** (1 / len(axes))
    region = []
    for middle, bins in zip(centre, mean.shape, strict=True):
        length = max(1, round(side * bins))
        first = int(np.clip(middle - length // 2, 0, bins - length))
        region.append(slice(first, first + length))
    broken = mean.copy()
    broken[tuple(region)] = 0
    return broken


def hot(mean: Float64, _axes: tuple[Axis, ...], severity: float, rng: np.random.Generator) -> Float64:
    """Extra counts, ``severity`` of all, evenly in 1% of the bins."""
    few = rng.choice(mean.size, max(1, mean.size // 100), replace=False)
    excess = np.zeros(mean.size)
    excess[few] = severity * mean.sum() / len(few)
    return mean + excess.reshape(mean.shape)


def noisy(mean: Float64, _axes: tuple[Axis, ...], severity: float, rng: np.random.Generator) -> Float64:
    """Extra counts, ``severity`` of all, in a third of the bins with exponentially distributed weights."""
    cells = rng.choice(mean.size, max(2, mean.size // 3), replace=False)
    weights = rng.exponential(size=len(cells))
    excess = np.zeros(mean.size)
    excess[cells] = severity * mean.sum() * weights / weights.sum()
    return mean + excess.reshape(mean.shape)


def shift(mean: Float64, _axes: tuple[Axis, ...], severity: float, rng: np.random.Generator) -> Float64:
    """All values move by ``severity`` standard deviations along the first axis, up or down."""
    profile = mean.reshape(mean.shape[0], -1).sum(axis=1)
    at = np.arange(len(profile)) + 0.5
    centre = np.average(at, weights=profile) if profile.sum() > 0 else 0.0
    width = np.sqrt(np.average((at - centre) ** 2, weights=profile)) if profile.sum() > 0 else 0.0
    return remapped(mean, shift_edges(mean.shape[0], rng.choice([-1, 1]) * severity * width))


def gain(mean: Float64, axes: tuple[Axis, ...], severity: float, rng: np.random.Generator) -> Float64:
    """All values on the first axis are multiplied by 1 + severity/2 or divided by it."""
    axis = axes[0]
    factor = (1 + severity / 2) ** float(rng.choice([-1, 1]))
    origin = -axis.lower / (axis.upper - axis.lower) * axis.bins
    return remapped(mean, scale_edges(mean.shape[0], factor, origin))


def swap(mean: Float64, _axes: tuple[Axis, ...], severity: float, rng: np.random.Generator) -> Float64:
    """Two blocks of cells along the first axis, ``severity`` of it together, exchanged."""
    bins = mean.shape[0]
    length = min(max(1, round(severity * bins / 2)), bins // 2)
    first = int(rng.integers(0, bins - 2 * length + 1))
    second = int(rng.integers(first + length, bins - length + 1))
    order = np.arange(bins)
    order[first : first + length], order[second : second + length] = (
        np.arange(second, second + length),
        np.arange(first, first + length),
    )
    return mean[order]


def low_statistics(
    mean: Float64,
    _axes: tuple[Axis, ...],
    severity: float,
    _rng: np.random.Generator,
) -> Float64:
    """The share ``severity`` of the counts is lost everywhere."""
    return mean * (1 - severity)


EFFECTS: Mapping[FaultKind, Effect] = {
    FaultKind.DEAD: dead,
    FaultKind.HOT: hot,
    FaultKind.NOISY: noisy,
    FaultKind.SHIFT: shift,
    FaultKind.GAIN: gain,
    FaultKind.SWAP: swap,
    FaultKind.LOW_STATISTICS: low_statistics,
}
"""The kinds that act on the expectation."""
