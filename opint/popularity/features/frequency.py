"""How often a dataset was read lately, over windows of growing length."""

import numpy as np

from opint.popularity.features.windows import sums
from opint.popularity.history import Float32, History
from opint.popularity.label import Label

WINDOWS = (2, 4, 8, 13, 26, 52)
"""Weeks; the longest is a year, the longest but one half of it."""


def frequency(history: History, label: Label) -> dict[str, Float32]:
    """Mean of ln(1 + accesses), share of popular weeks and share of weeks with any access, by window.

    A window that reaches back beyond the first week of the table counts what is missing as nothing.
    """
    log = np.log1p(history.measures["naccess"])
    popular = label.holds(history.measures[label.measure]).astype(np.float32)
    touched = (history.measures["naccess"] > 0).astype(np.float32)
    columns: dict[str, Float32] = {}
    for name, values in (("log_mean", log), ("popular_share", popular), ("touched_share", touched)):
        columns |= {f"{name}_{weeks}w": sums(values, weeks) / np.float32(weeks) for weeks in WINDOWS}
    return columns
