"""Examples to learn from: what was known of a dataset at the end of a week, and whether it was popular later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opint.popularity.errors import LeakError
from opint.popularity.history import Float32, History
from opint.popularity.label import Label

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

TOO_GOOD = 0.9999
"""Share of pairs that one column orders like the label by itself, from which on it is taken for the label."""
LEAST_OF_EACH = 5
"""Examples of either kind without which nothing is said about a column."""


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features (r, k) of some datasets at the ends of some weeks.

    ``dataset`` and ``week`` (r,) are row and column of the history. ``known_after`` (k) is how many weeks after the
    end of ``week`` each column is known: 0 for what may be used.
    """

    names: tuple[str, ...]
    values: Float32
    known_after: tuple[int, ...]
    dataset: Places
    week: Places

    def __len__(self) -> int:
        """How many rows."""
        return len(self.values)

    def only(self, rows: Flags) -> "FeatureTable":
        """Some of the rows (r,)."""
        return FeatureTable(self.names, self.values[rows], self.known_after, self.dataset[rows], self.week[rows])

    def column(self, name: str) -> Float32:
        """One column (r,); raises ValueError for a name that is not there."""
        column: Float32 = self.values[:, self.names.index(name)]
        return column


def gather(columns: Mapping[str, Float32], history: History, weeks: Sequence[int]) -> FeatureTable:
    """A row for each dataset that was known at the end of each of ``weeks``, of columns (n, T)."""
    rows_by_week = [np.flatnonzero(history.exists[:, week]) for week in weeks]
    dataset = np.concatenate([np.empty(0, np.intp), *rows_by_week]).astype(np.intp)
    week = np.repeat(np.array(weeks, dtype=np.intp), [len(rows) for rows in rows_by_week])
    values = np.empty((len(dataset), len(columns)), dtype=np.float32)
    for place, column in enumerate(columns.values()):
        values[:, place] = column[dataset, week]
    return FeatureTable(tuple(columns), values, (0,) * len(columns), dataset, week)


def labels(table: FeatureTable, history: History, label: Label, horizon: int) -> Flags:
    """Whether each row's dataset is popular ``horizon`` weeks later (r,); raises ValueError beyond the history."""
    if horizon < 1:
        raise ValueError(f"horizon is {horizon} weeks; a forecast looks at least one week ahead")
    popular: Flags = label.holds(history.measures[label.measure])[table.dataset, table.week + horizon]
    return popular


def check_known(table: FeatureTable) -> None:
    """Raise LeakError if a column is not known when the forecast is made."""
    for name, after in zip(table.names, table.known_after, strict=True):
        if after > 0:
            raise LeakError(
                f"feature {name!r} is known {after} week{'s' * (after != 1)} after the forecast is made; "
                "use its values of earlier weeks"
            )


def check_honest(table: FeatureTable, popular: Flags) -> None:
    """Raise LeakError if one column by itself tells popular datasets from others: then it is the label in disguise."""
    n = int(popular.sum())
    if min(n, len(popular) - n) < LEAST_OF_EACH:
        return
    for name, column in zip(table.names, table.values.T, strict=True):
        ordered = _ordered(column, popular)
        if max(ordered, 1 - ordered) >= TOO_GOOD:
            raise LeakError(
                f"feature {name!r} orders {max(ordered, 1 - ordered):.2%} of all pairs as the label does, by itself: "
                "nothing that is known before can do that, so it is the label in disguise"
            )


def _ordered(column: Float32, popular: Flags) -> float:
    """Area under the ROC curve of one column, ties counting half (the Mann–Whitney statistic)."""
    _, places, counts = np.unique(column, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    rank = (below + (counts + 1) / 2)[places]
    n = int(popular.sum())
    return (float(rank[popular].sum()) - n * (n + 1) / 2) / (n * (len(column) - n))
