"""Weekly accesses as one matrix: a row for each dataset, a column for each week."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from opint.popularity.weeks import Weeks

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class History:
    """What was read of n datasets in T weeks.

    ``measures`` holds by name (``naccess``, and ``nusers``, ``nsites`` where they are known) (n, T) float32 counts, 0
    where nothing is recorded. ``known_since`` (n,) is the first week in which a dataset is recorded: it did not exist
    before, or nobody knew of it. ``traits`` are words of the name by kind (``tier``, ``campaign``, ``primary``), n
    each, empty where not known; ``size_bytes`` (n,) is NaN where not known.
    """

    names: tuple[str, ...]
    first_day: date
    measures: dict[str, Float32]
    known_since: Int32
    traits: dict[str, tuple[str, ...]]
    size_bytes: Float64

    @cached_property
    def weeks(self) -> Weeks:
        """The weeks, numbered as the columns."""
        return Weeks(self.first_day)

    @property
    def shape(self) -> tuple[int, int]:
        """Datasets and weeks."""
        n, weeks = self.measures["naccess"].shape
        return n, weeks

    @cached_property
    def exists(self) -> npt.NDArray[np.bool_]:
        """(n, T): whether a dataset was known in a week."""
        exists: npt.NDArray[np.bool_] = np.arange(self.shape[1]) >= self.known_since[:, None]
        return exists

    def until(self, week: int) -> "History":
        """What was known at the end of a week: its column is the last."""
        return replace(self, measures={name: counts[:, : week + 1] for name, counts in self.measures.items()})

    def only(self, rows: Rows) -> "History":
        """Some of the datasets."""
        return History(
            tuple(self.names[row] for row in rows),
            self.first_day,
            {name: counts[rows] for name, counts in self.measures.items()},
            self.known_since[rows],
            {kind: tuple(words[row] for row in rows) for kind, words in self.traits.items()},
            self.size_bytes[rows],
        )


def codes(words: Sequence[str]) -> tuple[Rows, tuple[str, ...]]:
    """The place (n,) of each word in the sorted list of different ones, and that list."""
    different = tuple(sorted(set(words)))
    place = {word: row for row, word in enumerate(different)}
    return np.fromiter(map(place.__getitem__, words), np.intp, len(words)), different
