"""Sums over the weeks up to each week."""

import numpy as np

from opint.popularity.history import Float32


def sums(values: Float32, weeks: int) -> Float32:
    """Sum (n, T) of the last ``weeks`` columns up to and with each column; what lies before the first is nothing."""
    total = np.cumsum(values, axis=1, dtype=np.float64)
    total[:, weeks:] -= total[:, :-weeks].copy()
    return total.astype(np.float32)


def lagged(values: Float32, weeks: int) -> Float32:
    """The column ``weeks`` before each one (n, T); 0 where there is none."""
    shifted = np.zeros_like(values)
    shifted[:, weeks:] = values[:, : max(0, values.shape[1] - weeks)]
    return shifted


def since(events: np.typing.NDArray[np.bool_], never: float) -> Float32:
    """Weeks (n, T) since the last event up to each column, 0 in a column with one; ``never`` before the first."""
    columns = np.arange(events.shape[1], dtype=np.float32)
    last = np.maximum.accumulate(np.where(events, columns, np.float32(-1)), axis=1)
    elapsed: Float32 = np.where(last < 0, np.float32(never), columns - last).astype(np.float32)
    return elapsed
