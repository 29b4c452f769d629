"""What each ME has of entries beside its siblings in good lumisections, and how far that wanders from run to run.

What luminosity and pileup lead to expect (:mod:`dqm.histograms.references.entries`) is corrected by the median of what
is left beside the siblings (:mod:`dqm.core.siblings`); the spread about it, counting errors apart, is robust and drawn
towards that of all MEs. How rare a departure is, runs tell that took no part in either.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dqm.core.siblings import SiblingTables, by_siblings, deficits
from dqm.core.state import Amounts
from dqm.histograms.references import entries
from dqm.histograms.references.entries import EntriesModel
from dqm.statistics.conformal import Blocks, ConformalTable
from dqm.statistics.robust import median, scale
from streams.arrays import Float64, Indices, Int64, Mask, NamedArrays
from streams.records import Catalogue, Conditions

_LEAST_SPREAD = 0.005
_MOST = 0.99
_NOTHING = Conditions()
_SHRINK = 10.0
"""Runs that the spread of all MEs weighs as much as."""


@dataclass(frozen=True, slots=True, eq=False)
class SiblingModel:
    """``offset`` (n,) of ln(entries) beside the siblings, and its ``spread`` (n,); NaN where siblings are too few.

    ``conditional`` says that the offset is from what conditions lead to expect, not from the usual amount.
    """

    offset: Float64
    spread: Float64
    tables: SiblingTables
    conditional: bool

    def without(self, elements: Mask) -> "SiblingModel":
        """The same, which says nothing of some ``elements`` (n,)."""
        return replace(self, offset=np.where(elements, np.nan, self.offset))

    def amounts(self, observed: Float64, expected: Float64) -> list[Amounts]:
        """What L lumisections leave of ``observed`` entries (L, n), NaN: absent, and those that conditions expect."""
        moved = np.expm1(np.log1p(expected) + self.offset)
        return [
            Amounts(*(values.astype(np.float32) for values in (row, own, self.spread)))
            for row, own in zip(observed, moved, strict=True)
        ]

    def arrays(self) -> NamedArrays:
        """The numbers by name, to be saved."""
        return {
            "offset": self.offset,
            "spread": self.spread,
            "lack": self.tables.lack.as_array(),
            "excess": self.tables.excess.as_array(),
            "conditional": np.array(self.conditional),
        }

    @classmethod
    def from_arrays(cls, arrays: NamedArrays) -> "SiblingModel":
        """Inverse of :meth:`arrays`."""
        tables = SiblingTables(*(ConformalTable.from_array(arrays[name]) for name in ("lack", "excess")))
        return cls(arrays["offset"], arrays["spread"], tables, bool(arrays["conditional"]))


def fit(
    statistics: Float64,
    conditions: Sequence[Conditions],
    runs: Int64,
    catalogue: Catalogue,
    learned: Indices,
    splits: Sequence[tuple[Indices, Indices]],
) -> SiblingModel | None:
    """From entries ``statistics`` (L, n) of good lumisections of ``runs`` (L,), NaN where one did not come.

    The ``learned`` ones teach, and each pair of ``splits`` (learned, held) calibrates. What is corrected is what
    conditions lead to expect or the usual amount, whichever leaves less in runs held back: a slope with pileup that few
    runs have seen is what sets these apart. None where siblings or runs are too few.
    """
    fitted = _fit(statistics, conditions, runs, catalogue, learned, splits)
    if fitted is not None and fitted[1].conditional:
        usual = _fit(statistics, [_NOTHING] * len(runs), runs, catalogue, learned, splits)
        fitted = min(fitted, usual or fitted, key=lambda item: item[0])
    return None if fitted is None else fitted[1]


def _fit(
    statistics: Float64,
    conditions: Sequence[Conditions],
    runs: Int64,
    catalogue: Catalogue,
    learned: Indices,
    splits: Sequence[tuple[Indices, Indices]],
) -> tuple[float, SiblingModel] | None:
    """How far 99 % of the entries in runs held back lie from what is expected, in ln, and the model."""
    departures, distances = [], []
    for own, held_out in splits:
        model, offset, spread = _learned(statistics, conditions, runs, catalogue, own)
        expected = _moved(model, [conditions[at] for at in held_out], offset)
        from_siblings = by_siblings(statistics[held_out], expected, catalogue)
        departures.append(deficits(statistics[held_out], from_siblings, spread).ravel())
        with np.errstate(invalid="ignore"):
            distances.append(np.abs(np.log1p(from_siblings) - np.log1p(statistics[held_out])).ravel())
    pool = np.concatenate(departures) if departures else np.empty(0)
    pool = pool[np.isfinite(pool)]
    if not len(pool):
        return None
    model, offset, spread = _learned(statistics, conditions, runs, catalogue, learned)
    calibrating = np.unique(np.concatenate([runs[held_out] for _, held_out in splits]))
    blocks = Blocks.of(len(calibrating), int(np.isfinite(offset).sum()))
    lack, excess = ConformalTable.of(pool, blocks), ConformalTable.of(-pool, blocks)
    far = float(np.nanquantile(np.concatenate(distances), _MOST))
    return far, SiblingModel(offset, spread, SiblingTables(lack, excess), model.knows_conditions)


def _learned(
    statistics: Float64, conditions: Sequence[Conditions], runs: Int64, catalogue: Catalogue, own: Indices
) -> tuple[EntriesModel, Float64, Float64]:
    """What conditions expect, offsets and spreads, by the lumisections ``own``."""
    model = entries.fit(statistics[own], [conditions[at] for at in own])
    expected, _ = model.expected([conditions[at] for at in own])
    from_siblings = by_siblings(statistics[own], expected, catalogue)
    with np.errstate(invalid="ignore"):
        away = np.log1p(statistics[own]) - np.log1p(from_siblings)
        counting = median(1.0 / (from_siblings + 1.0))
    offset = median(away)
    variance = np.maximum(scale(away - offset) ** 2 - counting, _LEAST_SPREAD**2)
    finite = np.isfinite(variance)
    middle = np.median(variance[finite]) if finite.any() else np.nan
    count = len(np.unique(runs[own]))
    spread = np.sqrt((count * variance + _SHRINK * middle) / (count + _SHRINK))
    return model, offset, spread


def _moved(model: EntriesModel, conditions: Sequence[Conditions], offset: Float64) -> Float64:
    expected, _ = model.expected(conditions)
    moved: Float64 = np.expm1(np.log1p(expected) + offset)
    return moved
