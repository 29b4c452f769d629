"""Exponential smoothing: the past, the less of it the longer ago (R. G. Brown, 1956)."""

import numpy as np
from scipy.signal import lfilter

from opint.popularity.history import Float32, History
from opint.popularity.label import Label

RATES = (0.1, 0.3, 0.6)
"""Weight of the newest week."""


def smoothing(history: History, label: Label) -> dict[str, Float32]:
    """Smoothed ln(1 + accesses) and smoothed popularity, by rate; both begin at 0."""
    log = np.log1p(history.measures["naccess"])
    popular = label.holds(history.measures[label.measure]).astype(np.float32)
    return {
        f"{name}_smoothed_{rate:g}": lfilter([rate], [1.0, rate - 1.0], values, axis=1).astype(np.float32)
        for name, values in (("log", log), ("popular", popular))
        for rate in RATES
    }
