"""Which monitoring elements are occupancies, and how strips and maps are prepared.

Strips are made alike before a network sees them, as in A. Pol et al. (Comput. Softw. Big Sci. 3 (2019) 3,
arXiv:1808.00911): a median filter, because one channel alone is no matter for a shift; one common length, because
layers have different numbers of channels; and division by the largest value, because luminosity is not looked at.

Maps of deviations follow the autoencoder of the CMS ECAL (Comput. Softw. Big Sci. 8 (2024) 11, arXiv:2309.10157):
deviations are relative to the mean good map, and maps of consecutive lumisections are multiplied, because what is
broken stays where it is and what fluctuates does not.
"""

from enum import Enum
from fnmatch import fnmatchcase

import numpy as np

from streams.arrays import Float32, Float64
from streams.records import MonitoringElement


class Kind(Enum):
    """What the content of a histogram is."""

    MAP = "map"
    """Counts over two axes: the occupancy of a surface."""
    STRIP = "strip"
    """Counts over a row of channels, side by side."""
    OTHER = "other"
    """Anything else, such as a distribution."""


def kind(me: MonitoringElement, strips: str) -> Kind:
    """The kind of an ME; only its name tells a strip, by one of the shell patterns ``strips`` (commas between)."""
    if len(me.axes) == 2:
        return Kind.MAP
    patterns = (pattern.strip() for pattern in strips.split(","))
    named = len(me.axes) == 1 and any(fnmatchcase(me.name, pattern) for pattern in patterns)
    return Kind.STRIP if named else Kind.OTHER


def corrected(maps: Float32, good: Float32) -> Float32:
    """Maps (..., cells) divided by the mean good map (cells,); zero where good maps have nothing."""
    ratio: Float32 = maps * np.divide(np.float32(1.0), good, out=np.zeros_like(good), where=good > 0)
    return ratio


def neighbourhoods(pulls: Float32, filled: Float32) -> Float32:
    """Pulls of each cell together with its neighbours, in standard deviations; (n, rows, columns).

    The sum of ``pulls`` over 3 x 3 cells, divided by the square root of how many of those are ``filled`` (1, else 0).
    """
    number = _box(filled)
    together = _box(pulls * filled)
    together /= np.sqrt(np.maximum(number, np.float32(1.0)))
    return together


def persistent(pulls: Float64) -> Float64:
    """What stays in maps of deviations (times, cells): the signed geometric mean of each cell over time.

    It has the unit of the maps. Zero where the sign changes: that is a fluctuation. NaN counts as no deviation.
    """
    finite = np.nan_to_num(pulls)
    sign = np.sign(finite[0])
    stays = (np.sign(finite) == sign).all(axis=0) & (sign != 0)
    logs = np.log(np.abs(finite), out=np.full_like(finite, -np.inf), where=finite != 0)
    persisting: Float64 = np.where(stays, sign * np.exp(np.where(stays, logs, 0.0).mean(axis=0)), 0.0)
    return persisting


def _box(maps: Float32) -> Float32:
    """Sums over 3 x 3 cells; beyond the edges there is nothing."""
    tall = np.pad(maps, ((0, 0), (1, 1), (0, 0)))
    rows = tall[:, :-2] + tall[:, 1:-1] + tall[:, 2:]
    wide = np.pad(rows, ((0, 0), (0, 0), (1, 1)))
    box: Float32 = wide[..., :-2] + wide[..., 1:-1] + wide[..., 2:]
    return box


LENGTH = 47
"""Common length of strips, that of the shorter layers of the drift tubes."""


def prepared(strips: Float32, length: int = LENGTH) -> Float32:
    """Strips (n, bins), not negative, as a network wants them: (n, length) in [0, 1]; an empty one is all zeros."""
    resampled = resized(median_filtered(strips), length)
    largest = resampled.max(axis=-1, keepdims=True)
    scaled: Float32 = np.divide(resampled, largest, out=np.zeros_like(resampled), where=largest > 0)
    return scaled


def median_filtered(strips: Float32) -> Float32:
    """Median of each channel and its two neighbours, (n, bins); at the ends a channel is its own neighbour."""
    wide = np.concatenate([strips[..., :1], strips, strips[..., -1:]], axis=-1)
    before, middle, after = wide[..., :-2], wide[..., 1:-1], wide[..., 2:]
    filtered: Float32 = np.maximum(np.minimum(before, middle), np.minimum(np.maximum(before, middle), after))
    return filtered


def resized(strips: Float32, length: int) -> Float32:
    """Strips (n, bins) by linear interpolation at ``length`` places from the first channel to the last."""
    bins = strips.shape[-1]
    place = np.linspace(0.0, bins - 1.0, length)
    lower = np.minimum(place.astype(np.intp), max(bins - 2, 0))
    right = np.minimum(lower + 1, bins - 1)
    share = (place - lower).astype(np.float32)
    values: Float32 = strips[..., lower] * (np.float32(1.0) - share) + strips[..., right] * share
    return values
