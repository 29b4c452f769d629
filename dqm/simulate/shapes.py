"""Elementary shapes of detector histograms: positive, normalised to 1, and how they vary.

A *mode* is an additive change of a shape that sums to zero: the shape at latent value z is
``base + z * mode``. Modes of physical distributions are differences between two shapes whose
parameters differ a little, so that a mode looks like what a real drift does.
"""

import numpy as np

from dqm.arrays import Float64
from streams.records import Axis


def centres(axis: Axis) -> Float64:
    """Middles of the cells of an axis with equal cells."""
    width = (axis.upper - axis.lower) / axis.bins
    return np.asarray(axis.lower + width * (np.arange(axis.bins) + 0.5), dtype=float)


def normalised(shape: Float64) -> Float64:
    """The shape divided by its sum, which must be positive."""
    return np.asarray(shape / shape.sum(), dtype=float)


def gaussian(axis: Axis, mean: float, width: float, floor: float = 0.01) -> Float64:
    """A peak on a flat background that holds the share ``floor`` of all counts: timing, residuals."""
    peak = normalised(np.exp(-0.5 * ((centres(axis) - mean) / width) ** 2))
    return (1 - floor) * peak + floor / axis.bins


def landau(axis: Axis, most_probable: float, width: float) -> Float64:
    """Energy loss in a thin layer, by Moyal's approximation (Phil. Mag. 46 (1955) 263)."""
    reduced = (centres(axis) - most_probable) / width
    return normalised(np.exp(-0.5 * (reduced + np.exp(-reduced))) + 1e-6)


def falling(axis: Axis, slope: float) -> Float64:
    """An exponential spectrum that falls by e in ``slope``: energies, cluster sizes."""
    return normalised(np.exp(-(centres(axis) - axis.lower) / slope))


def channels(axes: tuple[Axis, ...], rng: np.random.Generator, spread: float = 0.12) -> Float64:
    """Occupancy of channels: smooth over each axis, periodic ripples, and an efficiency per channel.

    ``spread`` is the standard deviation of the logarithm of the efficiency.
    """
    shape = np.ones(tuple(axis.bins for axis in axes))
    for direction, axis in enumerate(axes):
        along = np.linspace(-1, 1, axis.bins)
        profile = 1 + 0.4 * along**2 + 0.15 * np.cos(np.pi * rng.integers(2, 6) * along + rng.uniform(0, 2 * np.pi))
        shape = np.moveaxis(np.moveaxis(shape, direction, -1) * profile, -1, direction)
    shape = shape * np.exp(spread * rng.standard_normal(shape.shape))
    return normalised(shape)


def ripple(base: Float64, rng: np.random.Generator, amplitude: float) -> Float64:
    """A mode of an occupancy: a slow wave over all axes, ``amplitude`` of the content at its crests."""
    wave = np.ones(base.shape)
    for direction, bins in enumerate(base.shape):
        along = np.linspace(0, 2 * np.pi, bins) * rng.uniform(0.5, 1.5) + rng.uniform(0, 2 * np.pi)
        wave = np.moveaxis(np.moveaxis(wave, direction, -1) * np.cos(along), -1, direction)
    change = amplitude * base * wave
    return np.asarray(change - base * change.sum(), dtype=float)
