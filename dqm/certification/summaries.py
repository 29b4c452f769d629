"""Seven numbers for each histogram, as in the certification of A. Pol et al. (EPJ Web Conf. 214 (2019) 06008).

Five quantiles, the mean and the root mean square of where the entries lie, as shares of the axis from 0 to 1. Maps
are taken cell by cell in the order in which they are flattened. Inside a cell entries are taken as spread evenly.
"""

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
NAMES = ("10% quantile", "25% quantile", "median", "75% quantile", "90% quantile", "mean", "rms")
NUMBERS = len(NAMES)


def summaries(counts: Float32) -> Float32:
    """The seven numbers (..., 7) of ``counts`` (..., bins), which are not negative; NaN for an empty histogram.

    The numbers of a histogram depend on nothing but its own counts, to the last bit.
    """
    bins = counts.shape[-1]
    found = np.empty((*counts.shape[:-1], NUMBERS), dtype=np.float32)
    below = np.cumsum(counts, axis=-1)
    total = below[..., -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        for place, share in enumerate(QUANTILES):
            found[..., place] = _quantile(counts, below, total * np.float32(share))
        # About the middle of the axis, so that the square of the mean takes away little.
        at = ((np.arange(bins) + 0.5) / bins - 0.5).astype(np.float32)
        mean = np.vecdot(counts, at) / total
        found[..., -2] = mean + np.float32(0.5)
        found[..., -1] = np.sqrt(np.maximum(np.vecdot(counts, at * at) / total - mean * mean, 0.0))
    found[total <= 0] = np.nan
    return found


def _quantile(counts: Float32, below: Float32, wanted: Float32) -> Float32:
    """Where the cumulative sums ``below`` (..., bins) reach ``wanted`` (...), by a straight line inside the cell."""
    cell = np.argmax(below >= wanted[..., None], axis=-1)[..., None]
    upper = np.take_along_axis(below, cell, axis=-1)[..., 0]
    content = np.take_along_axis(counts, cell, axis=-1)[..., 0]
    inside = np.clip((upper - wanted) / np.maximum(content, np.float32(1e-30)), 0.0, 1.0)
    place: Float32 = (cell[..., 0] + np.float32(1.0) - inside) / np.float32(counts.shape[-1])
    return place.astype(np.float32)
