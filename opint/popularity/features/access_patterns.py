"""How lately, how often and how regularly a dataset has been read."""

import numpy as np
from scipy.signal import lfilter

from opint.popularity.history import History
from opint.popularity.label import Label
from streams.arrays import Float32, Mask

NEVER = 104.0
"""Weeks that stand for "not in this table": two years."""
LAGS = 4
FREQUENCY_WINDOWS = (2, 4, 8, 13, 26, 52)
"""Weeks; the longest two are half a year and a year."""
TREND_WINDOWS = (4, 12)
SMOOTHING_RATES = (0.1, 0.3, 0.6)
"""Weight of the newest week."""


def sums(values: Float32, weeks: int) -> Float32:
    """Sum (n, T) over the last ``weeks`` columns, each column included; columns before the first count as 0."""
    total = np.cumsum(values, axis=1, dtype=np.float64)
    total[:, weeks:] -= total[:, :-weeks].copy()
    return total.astype(np.float32)


def lagged(values: Float32, weeks: int) -> Float32:
    """The values ``weeks`` columns earlier (n, T); 0 before the first column."""
    shifted = np.zeros_like(values)
    shifted[:, weeks:] = values[:, : max(0, values.shape[1] - weeks)]
    return shifted


def since(events: Mask, never: float) -> Float32:
    """Weeks (n, T) since the last event, 0 in a column with an event; ``never`` before the first event."""
    columns = np.arange(events.shape[1], dtype=np.float32)
    last = np.maximum.accumulate(np.where(events, columns, np.float32(-1)), axis=1)
    elapsed: Float32 = np.where(last < 0, np.float32(never), columns - last).astype(np.float32)
    return elapsed


def recency(history: History, label: Label) -> dict[str, Float32]:
    """Weeks since the last popular week and since the last access, and ln(1 + accesses) of the last four weeks."""
    naccess = history.measures["naccess"]
    log = np.log1p(naccess)
    return {
        "weeks_since_popular": np.minimum(
            since(label.holds(history.measures[label.measure]), NEVER), np.float32(NEVER)
        ),
        "weeks_since_access": np.minimum(since(naccess > 0, NEVER), np.float32(NEVER)),
    } | {f"log_lag_{weeks}w": lagged(log, weeks) for weeks in range(LAGS)}


def frequency(history: History, label: Label) -> dict[str, Float32]:
    """Mean of ln(1 + accesses), share of popular weeks and share of weeks with any access, by window.

    Weeks before the first week of the table count as weeks without access.
    """
    log = np.log1p(history.measures["naccess"])
    popular = label.holds(history.measures[label.measure]).astype(np.float32)
    touched = (history.measures["naccess"] > 0).astype(np.float32)
    columns: dict[str, Float32] = {}
    for name, values in (("log_mean", log), ("popular_share", popular), ("touched_share", touched)):
        columns |= {f"{name}_{weeks}w": sums(values, weeks) / np.float32(weeks) for weeks in FREQUENCY_WINDOWS}
    return columns


def reuse(history: History, label: Label) -> dict[str, Float32]:
    """Mean distance between popular weeks so far, and the time since the last one in units of it.

    ``stays`` is the share of popular weeks followed by a popular week, ``returns`` the share of quiet weeks followed by
    a popular week, each with one success and one failure added (Laplace's rule).
    """
    popular = label.holds(history.measures[label.measure])
    count = np.cumsum(popular, axis=1, dtype=np.float32)
    columns = np.arange(popular.shape[1], dtype=np.float32)
    first = np.maximum.accumulate(np.where(popular & (count == 1), columns, np.float32(-1)), axis=1)
    ago = since(popular, NEVER)
    last = columns - ago
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(count > 1, (last - first) / (count - 1), np.float32(NEVER)).astype(np.float32)
    before = np.zeros_like(popular)
    before[:, 1:] = popular[:, :-1]
    known_before = np.zeros_like(popular)
    known_before[:, 1:] = history.exists[:, :-1]
    stayed, left = _running_count(before & popular), _running_count(before)
    returned, quiet = _running_count(known_before & ~before & popular), _running_count(known_before & ~before)
    return {
        "reuse_distance_weeks": distance,
        "overdue": np.minimum(ago / np.maximum(distance, 1), np.float32(NEVER)),
        "stays": (stayed + 1) / (left + 2),
        "returns": (returned + 1) / (quiet + 2),
        "popular_weeks": count,
    }


def _running_count(events: Mask) -> Float32:
    return np.cumsum(events, axis=1, dtype=np.float32)


def trend(history: History, _: Label) -> dict[str, Float32]:
    """Least-squares slope of ln(1 + accesses) per week over each window; weeks before the table count as 0."""
    log = np.log1p(history.measures["naccess"])
    return {f"log_slope_{weeks}w": _slope(log, weeks) for weeks in TREND_WINDOWS}


def _slope(values: Float32, weeks: int) -> Float32:
    """Weights of the slope rise by one a week about their mean, so that two running sums suffice."""
    columns = np.arange(values.shape[1], dtype=np.float32)
    plain, rising = sums(values, weeks).astype(np.float64), sums(values * columns, weeks).astype(np.float64)
    spread = weeks * (weeks**2 - 1) / 12
    middle = columns - (weeks - 1) / 2
    return ((rising - middle * plain) / spread).astype(np.float32)


def smoothing(history: History, label: Label) -> dict[str, Float32]:
    """Smoothed ln(1 + accesses) and smoothed popularity, by rate; both begin at 0."""
    log = np.log1p(history.measures["naccess"])
    popular = label.holds(history.measures[label.measure]).astype(np.float32)
    return {
        f"{name}_smoothed_{rate:g}": lfilter([rate], [1.0, rate - 1.0], values, axis=1).astype(np.float32)
        for name, values in (("log", log), ("popular", popular))
        for rate in SMOOTHING_RATES
    }
