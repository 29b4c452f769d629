"""Prescale columns: those that training has seen in use, and which of them would explain what is seen."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dqm.statistics.variance_stabilised import stabilised
from streams.arrays import Float64, Indices, Mask

FAR = 8.0
"""A residual counts no more than this: one that is beyond all doubt must not outweigh all others."""
MOST_LEFT = 0.3
"""A column explains what is seen if it leaves no more than this share of the excess."""
LEAST_CHANGED = 3
"""Rates that must differ between two columns for one to be told from the other."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """``prescales`` (k, n) of the columns ``index`` (k,), each from level 1 on, 0: off."""

    index: Indices
    prescales: Float64

    @classmethod
    def of(cls, readings: Iterable[tuple[int | None, Float64]], n: int) -> "Columns":
        """Of pairs of prescale index and prescales (n,); an index has those that came first with it."""
        columns: dict[int, Float64] = {}
        for index, prescales in readings:
            if index is not None:
                columns.setdefault(index, prescales)
        rows = [columns[index] for index in sorted(columns)]
        return cls(np.array(sorted(columns), dtype=np.intp), np.array(rows).reshape(len(rows), n))

    def explaining(
        self, counts: Float64, by_pileup: Float64, prescale: Float64, spread: Float64, judged: Mask
    ) -> int | None:
        """The index of the column that explains ``counts`` (n,) where the one declared does not; None: none of them.

        ``by_pileup`` (n,) counts are expected under the declared ``prescale`` (n,); ``judged`` (n,) rows have both.
        """
        declared = _misfit(counts, by_pileup, spread)[judged].sum()
        excess = declared - judged.sum()
        best, least = None, MOST_LEFT * excess
        for index, other in zip(self.index.tolist(), self.prescales, strict=True):
            changed = judged & (other != prescale)
            if changed.sum() < LEAST_CHANGED:
                continue
            if np.allclose(other[judged], prescale[judged]):
                continue
            factor = np.divide(prescale, other, out=np.zeros_like(other), where=other > 0)
            misfit = _misfit(counts, np.where(changed, by_pileup * factor, by_pileup), spread)[judged].sum()
            if misfit - judged.sum() < least:
                best, least = index, float(misfit - judged.sum())
        return best


def _misfit(counts: Float64, expected: Float64, spread: Float64) -> Float64:
    misfit: Float64 = np.minimum(stabilised(counts, expected, spread), FAR) ** 2
    return misfit
