"""Strips made alike before a network sees them.

The preprocessing of A. Pol et al., "Detector monitoring with artificial neural networks at the CMS experiment"
(Comput. Softw. Big Sci. 3 (2019) 3, arXiv:1808.00911): a median filter, because one channel alone is no matter for
a shift; one common length, because layers have different numbers of channels; and division by the largest value,
because luminosity is not what is looked at.
"""

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

LENGTH = 47
"""Common length of strips, that of the shorter layers of the drift tubes."""


def prepared(strips: Float32, length: int = LENGTH) -> Float32:
    """Strips (n, bins), not negative, as a network wants them: (n, length) in [0, 1]; an empty one is all zeros."""
    made = resized(median_filtered(strips), length)
    largest = made.max(axis=-1, keepdims=True)
    scaled: Float32 = np.divide(made, largest, out=np.zeros_like(made), where=largest > 0)
    return scaled


def median_filtered(strips: Float32) -> Float32:
    """Median of each channel and its two neighbours, (n, bins); at the ends a channel is its own neighbour."""
    wide = np.concatenate([strips[..., :1], strips, strips[..., -1:]], axis=-1)
    left, middle, right = wide[..., :-2], wide[..., 1:-1], wide[..., 2:]
    filtered: Float32 = np.maximum(np.minimum(left, middle), np.minimum(np.maximum(left, middle), right))
    return filtered


def resized(strips: Float32, length: int) -> Float32:
    """Strips (n, bins) by linear interpolation at ``length`` places from the first channel to the last."""
    bins = strips.shape[-1]
    place = np.linspace(0.0, bins - 1.0, length)
    left = np.minimum(place.astype(np.intp), max(bins - 2, 0))
    right = np.minimum(left + 1, bins - 1)
    share = (place - left).astype(np.float32)
    values: Float32 = strips[..., left] * (np.float32(1.0) - share) + strips[..., right] * share
    return values
