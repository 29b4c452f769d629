"""Weekly accesses as a matrix, one row per dataset, one column per week; its weeks, names, and what counts as popular.

Tables follow different calendars: some begin anew each year with a last week of eight days, others are a day or two
off. A period belongs to the week in which it begins. What is popular is an expression such as ``naccess > 10``, which
is read and never executed.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from opint.popularity.errors import PopularityError, TableError
from streams.arrays import Float32, Float64, Indices, Int32, Mask

DAYS_PER_WEEK = 7
SHORTEST_WEEK_DAYS, LONGEST_WEEK_DAYS = 6, 8
"""Accepted lengths of a week: the last week of a year may have eight days."""
EARLIEST_DAY, LATEST_DAY = date(1990, 1, 1), date(2100, 1, 1)


@dataclass(frozen=True, slots=True)
class Weeks:
    """Weeks counted from ``anchor``, the first day of week 0."""

    anchor: date

    def number(self, day: date) -> int:
        """The number of the week of ``day``; negative before the anchor."""
        return (day - self.anchor).days // DAYS_PER_WEEK

    def start(self, number: int) -> date:
        """First day of a week."""
        return self.anchor + timedelta(days=DAYS_PER_WEEK * number)


def parse_day(text: str, origin: str, field: str = "week") -> date:
    """A day as ``2026-11-25`` or ``20261125``.

    Raises:
        TableError: it is not a day, or lies before 1990 or after 2099.
    """
    digits = text.replace("-", "") if len(text) == 10 else text
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if len(digits) == 8 else None
    except ValueError:
        day = None
    if day is None or not EARLIEST_DAY <= day < LATEST_DAY:
        raise TableError(origin, field, repr(text), "a day is needed, as 2026-11-25")
    return day


def parse_period(text: str, origin: str) -> date:
    """First day of a period such as ``20130101-20130107``, about a week long.

    Raises:
        TableError: it is not a period, or has fewer than six or more than eight days.
    """
    first, _, last = text.partition("-")
    begin, end = parse_day(first, origin), parse_day(last, origin)
    days = (end - begin).days + 1
    if not SHORTEST_WEEK_DAYS <= days <= LONGEST_WEEK_DAYS:
        raise TableError(origin, "week", repr(text), f"it has {days} days; weeks of six to eight days are read")
    return begin


MOST_NAME_CHARACTERS = 700
"""A longer text is not a name."""

NAME_PATTERN = r"/([A-Za-z0-9][A-Za-z0-9_.-]*)/([A-Za-z0-9][A-Za-z0-9_.-]*)/([A-Z0-9-]+)"
"""Primary dataset, processed dataset, tier; valid in Python and in Java."""
NAME_SHAPE = "a name looks like /primary/processed/TIER"
_NAME = re.compile(NAME_PATTERN)


@dataclass(frozen=True, slots=True)
class DatasetName:
    """The three parts of a name: what was recorded or generated, how it was processed, and the data tier."""

    primary: str
    processed: str
    tier: str

    @property
    def campaign(self) -> str:
        """Era or campaign: the part of the processed name before its first hyphen, as in ``Run2024I-PromptReco-v1``.

        For a user's own dataset that is the name of the user.
        """
        return self.processed.partition("-")[0]


def parse_name(name: str, origin: str) -> DatasetName:
    """The parts of ``name``; ``origin`` is its place, for errors.

    Raises:
        TableError: it is not the name of a dataset.
    """
    match = _NAME.fullmatch(name) if is_name(name) else None
    if match is None:
        raise TableError(origin, "dataset", repr(name), NAME_SHAPE)
    return DatasetName(*match.groups())


def is_name(text: str) -> bool:
    """Whether it is the name of a dataset."""
    return len(text) <= MOST_NAME_CHARACTERS and _NAME.fullmatch(text) is not None


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


MEASURES = ("naccess", "nusers", "nsites")
_OPERATORS: dict[str, Callable[[Float32, float], Mask]] = {
    ">": operator.gt,
    ">=": operator.ge,
}
_EXPRESSION = re.compile(r"\s*(?P<measure>[a-z]+)\s*(?P<operator>>=?)\s*(?P<limit>\d+(\.\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Label:
    """A week in which ``measure`` (one of MEASURES) compares as ``comparison`` (> or >=) with ``limit`` is popular."""

    measure: str
    comparison: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> "Label":
        """Read an expression; raises PopularityError if it is not one."""
        match = _EXPRESSION.fullmatch(text)
        if match is None or match["measure"] not in MEASURES:
            raise PopularityError(
                f"label is {text!r}; it must be MEASURE > NUMBER or MEASURE >= NUMBER with one of {', '.join(MEASURES)}"
            )
        return cls(match["measure"], match["operator"], float(match["limit"]))

    def require(self, history: History) -> None:
        """Raise PopularityError unless the history has the measure."""
        if self.measure not in history.measures:
            raise PopularityError(f"the table has no {self.measure}; it has {', '.join(history.measures)}")

    def holds(self, values: Float32) -> Mask:
        """Where ``values`` of the measure (any shape) are popular."""
        return _OPERATORS[self.comparison](values, self.limit)

    def __str__(self) -> str:
        """The expression."""
        return f"{self.measure} {self.comparison} {self.limit:.15g}"
