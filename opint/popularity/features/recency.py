"""How long ago a dataset was last read."""

import numpy as np

from opint.popularity.features.windows import lagged, since
from opint.popularity.history import Float32, History
from opint.popularity.label import Label

NEVER = 104.0
"""Weeks that stand for "not in this table": two years."""
LAGS = 4


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
