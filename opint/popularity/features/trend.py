"""Whether accesses rise or fall: the slope of a straight line through the last weeks."""

import numpy as np

from opint.popularity.features.windows import sums
from opint.popularity.history import Float32, History
from opint.popularity.label import Label

WINDOWS = (4, 12)


def trend(history: History, _: Label) -> dict[str, Float32]:
    """Least-squares slope of ln(1 + accesses) per week over each window; what lies before the table is nothing."""
    log = np.log1p(history.measures["naccess"])
    return {f"log_slope_{weeks}w": _slope(log, weeks) for weeks in WINDOWS}


def _slope(values: Float32, weeks: int) -> Float32:
    """Weights of the slope rise by one a week about their mean, so that two running sums suffice."""
    columns = np.arange(values.shape[1], dtype=np.float32)
    plain, rising = sums(values, weeks).astype(np.float64), sums(values * columns, weeks).astype(np.float64)
    spread = weeks * (weeks**2 - 1) / 12
    middle = columns - (weeks - 1) / 2
    return ((rising - middle * plain) / spread).astype(np.float32)
