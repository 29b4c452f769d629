"""Weekly accesses as a matrix: one row per dataset, one column per week."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from opint.popularity.weeks import Weeks
from streams.arrays import Float32, Float64, Indices, Int32, Mask


@dataclass(frozen=True, eq=False)
class History:
    """The accesses of n datasets in T weeks.

    ``measures`` has float32 counts (n, T) by name (``naccess``, and ``nusers`` and ``nsites`` if they are known), 0
    where nothing is recorded. ``known_since`` (n,) is the first week in which a dataset is recorded. ``traits`` has n
    parts of names by kind (``tier``, ``campaign``, ``primary``); it is empty for anonymous datasets. ``size_bytes``
    (n,) is NaN where unknown.
    """

    names: tuple[str, ...]
    first_day: date
    measures: dict[str, Float32]
    known_since: Int32
    traits: dict[str, tuple[str, ...]]
    size_bytes: Float64

    @cached_property
    def weeks(self) -> Weeks:
        """The weeks, numbered like the columns."""
        return Weeks(self.first_day)

    @property
    def shape(self) -> tuple[int, int]:
        """Datasets and weeks."""
        n, weeks = self.measures["naccess"].shape
        return n, weeks

    @cached_property
    def exists(self) -> Mask:
        """Whether a dataset was known in a week (n, T)."""
        exists: Mask = np.arange(self.shape[1]) >= self.known_since[:, None]
        return exists

    def until(self, week: int) -> "History":
        """The history up to a week, included."""
        return replace(self, measures={name: counts[:, : week + 1] for name, counts in self.measures.items()})

    def only(self, rows: Indices) -> "History":
        """The datasets with these indices."""
        return History(
            tuple(self.names[row] for row in rows),
            self.first_day,
            {name: counts[rows] for name, counts in self.measures.items()},
            self.known_since[rows],
            {kind: tuple(words[row] for row in rows) for kind, words in self.traits.items()},
            self.size_bytes[rows],
        )


def codes(words: Sequence[str]) -> tuple[Indices, tuple[str, ...]]:
    """The index (n,) of each word in the sorted list of distinct words, and that list."""
    different = tuple(sorted(set(words)))
    place = {word: row for row, word in enumerate(different)}
    return np.fromiter(map(place.__getitem__, words), np.intp, len(words)), different
