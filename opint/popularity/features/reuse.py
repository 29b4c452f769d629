"""Reuse distance: how many weeks lie between one access and the next, as it has been so far."""

import numpy as np

from opint.popularity.features.windows import since
from opint.popularity.history import Float32, History
from opint.popularity.label import Label

UNKNOWN = 104.0
"""Weeks that stand for a distance that nobody has seen yet."""


def reuse(history: History, label: Label) -> dict[str, Float32]:
    """Mean distance between popular weeks so far, and the time since the last one in units of it.

    ``stays`` and ``returns`` are how often a popular week was followed by a popular one and a quiet week by a popular
    one, each with one success and one failure added (Laplace's rule).
    """
    popular = label.holds(history.measures[label.measure])
    count = np.cumsum(popular, axis=1, dtype=np.float32)
    columns = np.arange(popular.shape[1], dtype=np.float32)
    first = np.maximum.accumulate(np.where(popular & (count == 1), columns, np.float32(-1)), axis=1)
    ago = since(popular, UNKNOWN)
    last = columns - ago
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(count > 1, (last - first) / (count - 1), np.float32(UNKNOWN)).astype(np.float32)
    before = np.zeros_like(popular)
    before[:, 1:] = popular[:, :-1]
    known_before = np.zeros_like(popular)
    known_before[:, 1:] = history.exists[:, :-1]
    stayed, left = _counted(before & popular), _counted(before)
    returned, quiet = _counted(known_before & ~before & popular), _counted(known_before & ~before)
    return {
        "reuse_distance_weeks": distance,
        "overdue": np.minimum(ago / np.maximum(distance, 1), np.float32(UNKNOWN)),
        "stays": (stayed + 1) / (left + 2),
        "returns": (returned + 1) / (quiet + 2),
        "popular_weeks": count,
    }


def _counted(events: np.typing.NDArray[np.bool_]) -> Float32:
    return np.cumsum(events, axis=1, dtype=np.float32)
