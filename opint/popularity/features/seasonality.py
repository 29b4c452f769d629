"""The time of the year, and how near the next conferences are: known long before."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from opint.popularity.history import Float32, History
from opint.popularity.label import Label

NEAR_WEEKS = (4, 8)
_YEAR_DAYS = 365.25


def seasonality(history: History, _: Label, conferences: Sequence[date] = ()) -> dict[str, Float32]:
    """Phase of the year, weeks from the year's end, and how many conferences begin within some weeks from its start."""
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
