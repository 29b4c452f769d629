"""Who reads a dataset, its age and size, and the time of the year."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from opint.popularity.features.access_patterns import sums
from opint.popularity.history import History
from opint.popularity.label import Label
from streams.arrays import Float32

USAGE_WINDOWS = (1, 4)
NEAR_WEEKS = (4, 8)
_YEAR_DAYS = 365.25


def usage(history: History, _: Label) -> dict[str, Float32]:
    """Mean number of users and of sites a week over each window; no feature for a measure that is missing."""
    return {
        f"{measure[1:]}_{weeks}w": sums(history.measures[measure], weeks) / np.float32(weeks)
        for measure in ("nusers", "nsites")
        if measure in history.measures
        for weeks in USAGE_WINDOWS
    }


def age(history: History, _: Label) -> dict[str, Float32]:
    """Weeks since the dataset is known (-1 before), whether its size is known, and ln(bytes), 0 if unknown."""
    n, weeks = history.shape
    known = np.arange(weeks, dtype=np.float32) - history.known_since[:, None].astype(np.float32)
    sized = np.isfinite(history.size_bytes)
    log = np.log(np.maximum(np.where(sized, history.size_bytes, 1.0), 1.0)).astype(np.float32)
    return {
        "age_weeks": np.maximum(known, np.float32(-1)),
        "size_known": np.broadcast_to(sized.astype(np.float32)[:, None], (n, weeks)),
        "log_size": np.broadcast_to(log[:, None], (n, weeks)),
    }


def seasonality(history: History, _: Label, conferences: Sequence[date] = ()) -> dict[str, Float32]:
    """Phase of the year, weeks to the nearest end of a year, and conferences that begin within 4 and 8 weeks."""
    n, weeks = history.shape
    starts = [history.weeks.start(week) for week in range(weeks)]
    phase = np.array([2 * np.pi * day.timetuple().tm_yday / _YEAR_DAYS for day in starts])
    year_end = np.array([min(abs((date(day.year, 12, 31) - day).days), day.timetuple().tm_yday) / 7 for day in starts])
    held = np.sort(np.array([day.toordinal() for day in conferences], dtype=np.int64))
    today = np.array([day.toordinal() for day in starts], dtype=np.int64)
    rows = {
        "year_sin": np.sin(phase),
        "year_cos": np.cos(phase),
        "weeks_from_year_end": year_end,
    } | {
        f"conferences_{near}w": np.searchsorted(held, today + 7 * near) - np.searchsorted(held, today)
        for near in NEAR_WEEKS
    }
    return {name: np.broadcast_to(row.astype(np.float32), (n, weeks)) for name, row in rows.items()}
