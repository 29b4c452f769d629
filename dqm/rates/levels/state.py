"""Levels of all rates in all prescale columns, as they stand before a lumisection, and what lumisections make of them.

They are followed over all runs of a dataset. The pipeline judges a *stretch* of lumisections by the levels that stood
before it, or before the one in front of it in the same run, and by the lumisections since
(:mod:`dqm.rates.levels.judgement`). So what a lumisection is judged by is stored, and does not depend on the order in
which messages come.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dqm.rates.levels.level import LEARNED, NEW_VERSION, PER_RUN, UNKNOWN, VARIANCE, Track, Walk, walk
from dqm.rates.levels.quadratic import Quadratic
from dqm.rates.levels.readings import Readings
from streams.arrays import Float64, Indices
from streams.records import LumisectionKey

STRETCH = 32
"""Lumisections whose numbers lie in one stretch are judged by the same levels before them."""


def stretch_of(key: LumisectionKey) -> int:
    """Number of the stretch of its run that a lumisection lies in."""
    return key.ls // STRETCH


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """By prescale column, the ``level`` (5, n) of :mod:`dqm.rates.levels.level` and the ``run`` that was in it last.

    ``versions`` (n,) are the newest of each path, 0 where none is known.
    """

    level: Mapping[str, Float64]
    run: Mapping[str, int]
    versions: Float64

    @classmethod
    def nothing(cls, n: int) -> "Levels":
        """Of n rates that were not followed yet."""
        return cls({}, {}, np.zeros(n))

    def as_json(self) -> dict[str, Any]:
        """Plain lists of which :meth:`from_json` makes the same."""
        columns = {name: {"run": self.run[name], "level": level.tolist()} for name, level in self.level.items()}
        return {"columns": columns, "versions": self.versions.tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Levels":
        """Inverse of :meth:`as_json`; raises KeyError or ValueError for anything else."""
        columns = content["columns"]
        versions = np.array(content["versions"], dtype=np.float64)
        level = {name: np.array(column["level"], dtype=np.float64) for name, column in columns.items()}
        if any(numbers.shape != (len(UNKNOWN), len(versions)) for numbers in level.values()):
            raise ValueError("levels of another number of rates")
        return cls(level, {name: int(column["run"]) for name, column in columns.items()}, versions)

    def elsewhere(self) -> "Levels":
        """The same for another dataset, where each may lie as far off as a column that was only learned."""
        return replace(self, level={name: _widened(numbers, LEARNED[VARIANCE]) for name, numbers in self.level.items()})

    def forgotten(self, rates: Collection[int]) -> "Levels":
        """The same without what is known of some rates."""
        levels = {name: numbers.copy() for name, numbers in self.level.items()}
        for numbers in levels.values():
            # Where it lay is the best guess, and hardly any knowledge.
            numbers[VARIANCE:, list(rates)] = UNKNOWN[VARIANCE:, None]
        return replace(self, level=levels)

    def restored(self, earlier: "Levels", quadratic: Quadratic, rates: Collection[int]) -> "Levels":
        """The same with what was known ``earlier`` of some rates."""
        levels = {name: numbers.copy() for name, numbers in self.level.items()}
        places = list(rates)
        for name, numbers in levels.items():
            before = earlier.level.get(name, _not_followed(quadratic, name))
            numbers[:, places] = _widened(before, PER_RUN)[:, places]
        return replace(self, level=levels)

    def before(self, quadratic: Quadratic, column: str, run: int, versions: Float64) -> Float64:
        """The level (5, n) of a ``column`` before a ``run`` whose paths have these ``versions`` (n,), 0: none told."""
        level = self.level.get(column)
        if level is None:
            return _not_followed(quadratic, column)
        if self.run[column] != run:
            level = _widened(level, PER_RUN)
        other = (versions > 0) & (self.versions > 0) & (versions != self.versions)
        return _widened(level, np.where(other, NEW_VERSION, 0.0))


def _not_followed(quadratic: Quadratic, column: str) -> Float64:
    """The level (5, n) of a column in which rates were not followed yet."""
    return np.where(quadratic.knows(column), LEARNED[:, None], UNKNOWN[:, None])


def _widened(level: Float64, variance: float | Float64) -> Float64:
    result = level.copy()
    result[VARIANCE] += variance
    return result


def walked(
    levels: Levels,
    quadratic: Quadratic,
    readings: Readings,
    curve: Float64,
    spread: Float64,
    *,
    training: bool = False,
) -> tuple[Levels, Walk]:
    """The levels after lumisections in order, at least one, of which ``curve`` (L, n) counts are expected.

    Beside them what the walk leaves of each lumisection; its ``track`` is that of the last run and column.
    """
    parts, order = [], []
    for rows, column in stretches(readings):
        part = readings.only(rows)
        versions, run = newest(levels.versions, part), int(part.runs[0])
        conditions = part.numbers, part.pileup, part.moved
        before = levels.before(quadratic, column, run, versions)
        use = part.judged & quadratic.is_fitted
        through = walk(Track.begin(before), part.counts, curve[rows], use, conditions, spread, training=training)
        levels = Levels({**levels.level, column: through.track.level}, {**levels.run, column: run}, versions)
        parts.append(through)
        order.append(rows)
    back = np.argsort(np.concatenate(order), kind="stable")
    whole = [
        np.concatenate([getattr(part, name) for part in parts])[back] for name in ("factor", "spread", "pulls", "large")
    ]
    return levels, Walk(parts[-1].track, *whole)


def stretches(readings: Readings) -> list[tuple[Indices, str]]:
    """Rows of each run and column, runs in order, and the column."""
    columns = np.array(readings.columns, dtype=object)
    parts = []
    for run in dict.fromkeys(readings.runs.tolist()):
        of_run = readings.runs == run
        for column in dict.fromkeys(columns[of_run].tolist()):
            parts.append((np.flatnonzero(of_run & (columns == column)), column))
    return parts


def newest(versions: Float64, part: Readings) -> Float64:
    """The versions (n,) of paths after the lumisections of ``part``."""
    there = part.published & (part.versions > 0)
    last = len(there) - 1 - np.argmax(there[::-1], axis=0)
    newest = part.versions[last, np.arange(there.shape[1])]
    return np.where(there.any(axis=0), newest, versions)
