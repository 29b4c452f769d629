"""From rows of a table, one a dataset and week, to a :class:`History`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from opint.popularity.errors import TableError
from opint.popularity.history import Float64, History, codes
from opint.popularity.names import parse
from opint.popularity.weeks import DAYS, Weeks

MOST_WEEKS = 2600
"""Fifty years: a table that spans more has a wrong date in it."""
MOST_COUNT = 1e12
"""Accesses of one dataset in one week; more is no count."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Columns of equal length r: names of datasets, first days of weeks (as datetime64[D]), and counts by measure.

    ``size_bytes`` may be NaN. ``origin`` says where the table comes from, ``first_row`` how its first row is numbered.
    """

    dataset: Sequence[str]
    day: npt.NDArray[np.datetime64]
    measures: Mapping[str, Float64]
    size_bytes: Float64 | None
    origin: str
    first_row: int = 1

    def place(self, row: int) -> str:
        """Where a row stands, for errors."""
        return f"{self.origin}, row {row + self.first_row}"


def assemble(rows: Rows, *, named: bool) -> History:
    """The history of these rows; several rows of one dataset and week are added up.

    ``named`` says that names are those of datasets, whose parts are traits; anonymous ones have none. A week that is
    off the grid of the earliest one belongs to the week of that grid in which it begins.

    Raises:
        TableError: there is no row, a name is none, a count is negative, not finite or huge, or the days are too far
            apart.
    """
    if not len(rows.dataset):
        raise TableError(rows.origin, "rows", 0, "a table of weekly accesses is needed")
    _check_counts(rows)
    place, names = codes(rows.dataset)
    first = rows.day.min()
    week = ((rows.day - first).astype(np.int64) // DAYS).astype(np.intp)
    weeks = int(week.max()) + 1
    if weeks > MOST_WEEKS:
        span = f"{first} to {rows.day.max()}"
        raise TableError(rows.origin, "weeks", span, f"at most {MOST_WEEKS} weeks are read: is a date wrong?")
    measures = {}
    for name, values in rows.measures.items():
        counts = np.zeros((len(names), weeks))
        np.add.at(counts, (place, week), values)
        measures[name] = counts.astype(np.float32)
    known_since = np.full(len(names), weeks, dtype=np.int32)
    np.minimum.at(known_since, place, week.astype(np.int32))
    day: date = first.astype(date)
    traits = _traits(names, rows, place) if named else {}
    return History(names, Weeks(day).start(0), measures, known_since, traits, _sizes(rows, place, len(names)))


def _check_counts(rows: Rows) -> None:
    for name, values in rows.measures.items():
        wrong = ~(np.isfinite(values) & (values >= 0) & (values <= MOST_COUNT))
        if wrong.any():
            row = int(np.argmax(wrong))
            hint = f"counts are finite and from 0 to {MOST_COUNT:.0e}"
            raise TableError(rows.place(row), name, values[row], hint)


def _traits(names: tuple[str, ...], rows: Rows, place: npt.NDArray[np.intp]) -> dict[str, tuple[str, ...]]:
    first_row = np.zeros(len(names), dtype=np.intp)
    first_row[place[::-1]] = np.arange(len(place))[::-1]
    parsed = [parse(name, rows.place(int(row))) for name, row in zip(names, first_row, strict=True)]
    return {
        "tier": tuple(one.tier for one in parsed),
        "campaign": tuple(one.campaign for one in parsed),
        "primary": tuple(one.primary for one in parsed),
    }


def _sizes(rows: Rows, place: npt.NDArray[np.intp], n: int) -> Float64:
    """The largest size told of each dataset: datasets grow while they are written."""
    sizes = np.full(n, -np.inf)
    if rows.size_bytes is not None:
        np.maximum.at(sizes, place, np.where(np.isnan(rows.size_bytes), -np.inf, rows.size_bytes))
    return np.where(np.isfinite(sizes), sizes, np.nan)
