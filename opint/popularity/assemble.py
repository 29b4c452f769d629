"""Turning the rows of a table, one per dataset and week, into a :class:`History`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from opint.popularity.errors import TableError
from opint.popularity.history import DAYS_PER_WEEK, History, Weeks, codes, parse_name
from streams.arrays import Days, Float64, Indices

MOST_WEEKS = 2600
"""Fifty years: a table that spans more has a wrong date in it."""
MOST_COUNT = 1e12
"""Accesses of one dataset in one week; a larger number is not a count."""


@dataclass(frozen=True, eq=False)
class AccessRows:
    """Columns of equal length r: names of datasets, first days of weeks (as datetime64[D]), and counts by measure.

    ``size_bytes`` may be NaN. ``origin`` says where the table comes from. ``number`` (r,) has the row numbers in that
    table, from 1 on; it is None where rows have no order.
    """

    dataset: Sequence[str]
    day: Days
    measures: Mapping[str, Float64]
    size_bytes: Float64 | None
    origin: str
    number: Indices | None

    def only(self, rows: Indices) -> "AccessRows":
        """The rows with these indices."""
        return AccessRows(
            [self.dataset[row] for row in rows],
            self.day[rows],
            {name: values[rows] for name, values in self.measures.items()},
            None if self.size_bytes is None else self.size_bytes[rows],
            self.origin,
            None if self.number is None else self.number[rows],
        )

    def place(self, row: int) -> str:
        """The place of a row, for errors."""
        if self.number is None:
            return f"{self.origin}, dataset {self.dataset[row]!r}, week {self.day[row]}"
        return f"{self.origin}, row {self.number[row]}"


@dataclass(frozen=True, slots=True)
class WeekSpan:
    """The weeks of a table: its first day and the number of weeks."""

    first: date
    weeks: int

    @classmethod
    def between(cls, first: date, last: date, origin: str) -> "WeekSpan":
        """The weeks from the first to the last day of a table; raises TableError if there are too many."""
        weeks = Weeks(first).number(last) + 1
        if weeks > MOST_WEEKS:
            hint = f"at most {MOST_WEEKS} weeks are read: is a date wrong?"
            raise TableError(origin, "weeks", f"{first} to {last}", hint)
        return cls(first, weeks)


def assemble(rows: AccessRows, *, named: bool, span: WeekSpan | None = None) -> History:
    """The history of these rows; several rows of one dataset and week are added up.

    ``named`` says whether datasets have names whose parts are traits; anonymous datasets have no traits. Weeks are
    counted from the earliest one; a week that does not fit this grid belongs to the week in which it begins. ``span``
    has the weeks of the whole table if these rows are a part of it.

    Raises:
        TableError: there are no rows, a name is not that of a dataset, a count is negative, not finite or too large, or
            the days are too far apart.
    """
    if not len(rows.dataset):
        raise TableError(rows.origin, "rows", 0, "a table of weekly accesses is needed")
    _check_counts(rows)
    place, names = codes(rows.dataset)
    if span is None:
        span = WeekSpan.between(rows.day.min().astype(date), rows.day.max().astype(date), rows.origin)
    week = ((rows.day - np.datetime64(span.first)).astype(np.int64) // DAYS_PER_WEEK).astype(np.intp)
    measures = {}
    for name, values in rows.measures.items():
        counts = np.zeros((len(names), span.weeks))
        np.add.at(counts, (place, week), values)
        measures[name] = counts.astype(np.float32)
    known_since = np.full(len(names), span.weeks, dtype=np.int32)
    np.minimum.at(known_since, place, week.astype(np.int32))
    traits = _traits(names, rows, place) if named else {}
    return History(names, span.first, measures, known_since, traits, _sizes(rows, place, len(names)))


def _check_counts(rows: AccessRows) -> None:
    for name, values in rows.measures.items():
        wrong = ~(np.isfinite(values) & (values >= 0) & (values <= MOST_COUNT))
        if wrong.any():
            row = int(np.argmax(wrong))
            hint = f"counts are finite and from 0 to {MOST_COUNT:.0e}"
            raise TableError(rows.place(row), name, values[row], hint)


def _traits(names: tuple[str, ...], rows: AccessRows, place: Indices) -> dict[str, tuple[str, ...]]:
    first_row = np.zeros(len(names), dtype=np.intp)
    first_row[place[::-1]] = np.arange(len(place))[::-1]
    parsed = [parse_name(name, rows.place(int(row))) for name, row in zip(names, first_row, strict=True)]
    return {
        "tier": tuple(parts.tier for parts in parsed),
        "campaign": tuple(parts.campaign for parts in parsed),
        "primary": tuple(parts.primary for parts in parsed),
    }


def _sizes(rows: AccessRows, place: Indices, n: int) -> Float64:
    """The largest size given for each dataset: datasets grow while they are written."""
    sizes = np.full(n, -np.inf)
    if rows.size_bytes is not None:
        np.maximum.at(sizes, place, np.where(np.isnan(rows.size_bytes), -np.inf, rows.size_bytes))
    return np.where(np.isfinite(sizes), sizes, np.nan)
