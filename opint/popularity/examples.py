"""Training examples: features of a dataset at the end of a week, and whether it was popular later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opint.popularity.errors import LeakError, PopularityError
from opint.popularity.history import History, Label
from streams.arrays import Float32, Indices, Mask

LEAK_AUC = 0.9999
"""A single column with an area under the ROC curve of at least this contains the label."""
LEAST_PER_CLASS = 5
"""Examples of each class needed to judge a column."""
WARM_UP_WEEKS = 4
"""The first weeks of a table have no past and are not used for training."""
TRAINING_WEEKS = 104
"""Examples come from at most this many weeks, the newest."""


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features (r, k) of some datasets at the ends of some weeks.

    ``dataset`` and ``week`` (r,) are row and column of the history. ``known_after`` (k) is the number of weeks after
    the end of ``week`` when each column becomes known; only columns with 0 may be used.
    """

    names: tuple[str, ...]
    values: Float32
    known_after: tuple[int, ...]
    dataset: Indices
    week: Indices

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.values)

    def only(self, rows: Mask) -> "FeatureTable":
        """The rows flagged in ``rows`` (r,)."""
        return FeatureTable(self.names, self.values[rows], self.known_after, self.dataset[rows], self.week[rows])

    def column(self, name: str) -> Float32:
        """One column (r,); raises ValueError for an unknown name."""
        column: Float32 = self.values[:, self.names.index(name)]
        return column


def gather(columns: Mapping[str, Float32], history: History, weeks: Sequence[int]) -> FeatureTable:
    """The columns (n, T) as a table: one row per dataset known at the end of each of ``weeks``."""
    rows_by_week = [np.flatnonzero(history.exists[:, week]) for week in weeks]
    dataset = np.concatenate([np.empty(0, np.intp), *rows_by_week]).astype(np.intp)
    week = np.repeat(np.array(weeks, dtype=np.intp), [len(rows) for rows in rows_by_week])
    values = np.empty((len(dataset), len(columns)), dtype=np.float32)
    for place, column in enumerate(columns.values()):
        values[:, place] = column[dataset, week]
    return FeatureTable(tuple(columns), values, (0,) * len(columns), dataset, week)


def labels(table: FeatureTable, history: History, label: Label, horizon: int) -> Mask:
    """Whether each row's dataset is popular ``horizon`` weeks later (r,); raises ValueError for a horizon below 1."""
    if horizon < 1:
        raise ValueError(f"horizon is {horizon} weeks; a forecast looks at least one week ahead")
    popular: Mask = label.holds(history.measures[label.measure])[table.dataset, table.week + horizon]
    return popular


def check_available(table: FeatureTable) -> None:
    """Raise LeakError if a column is not known when the forecast is made."""
    for name, after in zip(table.names, table.known_after, strict=True):
        if after > 0:
            raise LeakError(
                f"feature {name!r} is known {after} week{'s' * (after != 1)} after the forecast is made; "
                "use its values of earlier weeks"
            )


def check_leakage(table: FeatureTable, popular: Mask) -> None:
    """Raise LeakError if a single column separates popular datasets from others: then it contains the label."""
    n = int(popular.sum())
    if min(n, len(popular) - n) < LEAST_PER_CLASS:
        return
    for name, column in zip(table.names, table.values.T, strict=True):
        ordered = _auc(column, popular)
        if max(ordered, 1 - ordered) >= LEAK_AUC:
            raise LeakError(
                f"feature {name!r} orders {max(ordered, 1 - ordered):.2%} of all pairs as the label does, by itself: "
                "nothing that is known before can do that, so it is the label in disguise"
            )


def _auc(column: Float32, popular: Mask) -> float:
    """Area under the ROC curve of one column, ties counting half (the Mann–Whitney statistic)."""
    _, places, counts = np.unique(column, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    rank = (below + (counts + 1) / 2)[places]
    n = int(popular.sum())
    return (float(rank[popular].sum()) - n * (n + 1) / 2) / (n * (len(column) - n))


def training_weeks(week: int, horizon: int, most_weeks: int) -> range:
    """The newest weeks, at most ``most_weeks``, at whose ends examples are taken for a training at the end of ``week``.

    Raises:
        PopularityError: there is no such week.
    """
    last = week - horizon
    first = max(WARM_UP_WEEKS, last + 1 - most_weeks)
    if last < first:
        least = WARM_UP_WEEKS + horizon + 1
        raise PopularityError(f"{week + 1} weeks are known; training needs at least {least}")
    return range(first, last + 1)


def check_both_classes(popular: int, examples: int, weeks: range, label: Label) -> None:
    """Raise PopularityError unless the ``examples`` of these weeks have both popular and other datasets."""
    if popular in (0, examples):
        kind = "each" if popular == examples > 0 else "none"
        raise PopularityError(f"{kind} of {examples} examples of {len(weeks)} weeks has {label}: nothing to learn")


def informative_rows(table: FeatureTable, history: History) -> FeatureTable:
    """The rows of datasets that had been read by then, or that have informative names."""
    if history.traits:
        return table
    ever = np.cumsum(history.measures["naccess"] > 0, axis=1)
    return table.only(ever[table.dataset, table.week] > 0)
