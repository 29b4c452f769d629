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

    ``size_bytes`` may be NaN. ``origin`` says where the table comes from, ``number`` (r,) which of its rows each is,
    from 1 on; it is None where rows have no order.
    """

    dataset: Sequence[str]
    day: npt.NDArray[np.datetime64]
    measures: Mapping[str, Float64]
    size_bytes: Float64 | None
    origin: str
    number: npt.NDArray[np.intp] | None

    def only(self, rows: npt.NDArray[np.intp]) -> "Rows":
        """Some of the rows."""
        return Rows(
            [self.dataset[row] for row in rows],
            self.day[rows],
            {name: values[rows] for name, values in self.measures.items()},
            None if self.size_bytes is None else self.size_bytes[rows],
            self.origin,
            None if self.number is None else self.number[rows],
        )

    def place(self, row: int) -> str:
        """Where a row stands, for errors."""
        if self.number is None:
            return f"{self.origin}, dataset {self.dataset[row]!r}, week {self.day[row]}"
        return f"{self.origin}, row {self.number[row]}"


@dataclass(frozen=True, slots=True)
class Span:
    """The weeks of a table: so many from the first day on."""

    first: date
    weeks: int

    @classmethod
    def between(cls, first: date, last: date, origin: str) -> "Span":
        """From the first to the last day of a table; raises TableError if they are too far apart."""
        weeks = Weeks(first).number(last) + 1
        if weeks > MOST_WEEKS:
            hint = f"at most {MOST_WEEKS} weeks are read: is a date wrong?"
            raise TableError(origin, "weeks", f"{first} to {last}", hint)
        return cls(first, weeks)


def assemble(rows: Rows, *, named: bool, span: Span | None = None) -> History:
    """The history of these rows; several rows of one dataset and week are added up.

    ``named`` says that names are those of datasets, whose parts are traits; anonymous ones have none. A week that is
    off the grid of the earliest one belongs to the week of that grid in which it begins. ``span`` holds the weeks of
    the whole table where these rows are a part of it.

    Raises:
        TableError: there is no row, a name is none, a count is negative, not finite or huge, or the days are too far
            apart.
    """
    if not len(rows.dataset):
        raise TableError(rows.origin, "rows", 0, "a table of weekly accesses is needed")
    _check_counts(rows)
    place, names = codes(rows.dataset)
    if span is None:
        span = Span.between(rows.day.min().astype(date), rows.day.max().astype(date), rows.origin)
    week = ((rows.day - np.datetime64(span.first)).astype(np.int64) // DAYS).astype(np.intp)
    measures = {}
    for name, values in rows.measures.items():
        counts = np.zeros((len(names), span.weeks))
        np.add.at(counts, (place, week), values)
        measures[name] = counts.astype(np.float32)
    known_since = np.full(len(names), span.weeks, dtype=np.int32)
    np.minimum.at(known_since, place, week.astype(np.int32))
    traits = _traits(names, rows, place) if named else {}
    return History(names, span.first, measures, known_since, traits, _sizes(rows, place, len(names)))


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
        "tier": tuple(parts.tier for parts in parsed),
        "campaign": tuple(parts.campaign for parts in parsed),
        "primary": tuple(parts.primary for parts in parsed),
    }


def _sizes(rows: Rows, place: npt.NDArray[np.intp], n: int) -> Float64:
    """The largest size told of each dataset: datasets grow while they are written."""
    sizes = np.full(n, -np.inf)
    if rows.size_bytes is not None:
        np.maximum.at(sizes, place, np.where(np.isnan(rows.size_bytes), -np.inf, rows.size_bytes))
    return np.where(np.isfinite(sizes), sizes, np.nan)
