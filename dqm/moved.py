"""Histograms as they would be if the values on their first axis were moved or scaled."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def moved(contents: Floats, edges: Floats) -> Floats:
    """Contents of n cells whose edges are read at other places of the same distribution.

    Counts are taken as spread evenly inside a cell, so that a move by a fraction of a cell is defined.
    What leaves the axis is lost: the caller finds it as the difference of the sums.

    Args:
        contents: (n,) or (n, m) counts; m cells of further axes stay where they are.
        edges: (n + 1,) or (k, n + 1) source of every cell edge, in cells from the lower end of the axis.

    Returns:
        (n, …) or (k, n, …) counts, as many as ``edges`` asks for.
    """
    cells = contents.shape[0]
    cumulative = np.zeros((cells + 1, *contents.shape[1:]))
    np.cumsum(contents, axis=0, out=cumulative[1:])
    inside = np.clip(edges, 0, cells)
    lower = np.minimum(inside.astype(np.int64), cells - 1)
    share = (inside - lower).reshape(*edges.shape, *(1,) * (contents.ndim - 1))
    at_edges = cumulative[lower] * (1 - share) + cumulative[lower + 1] * share
    # Differences of sums may fall short of zero by rounding.
    return np.asarray(np.maximum(np.diff(at_edges, axis=edges.ndim - 1), 0))


def shift_edges(cells: int, by: float | Floats) -> Floats:
    """Source edges of a distribution that moves up by ``by`` cells; a column (k, 1) of moves gives k rows."""
    return np.asarray(np.arange(cells + 1) - by, dtype=float)


def scale_edges(cells: int, factor: float | Floats, origin: float) -> Floats:
    """Source edges of a distribution stretched by ``factor`` > 0 about ``origin`` (in cells, may lie outside)."""
    return np.asarray(origin + (np.arange(cells + 1) - origin) / factor, dtype=float)
