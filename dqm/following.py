"""A centre that follows the drift of the detector from run to run: of what certification and trigger rates measure.

A centre is k numbers of each of n monitoring elements. The largest of thousands of errors are those of the features
that moved most since training, so that a score calibrated last week says "unlikely" of everything today. Each run
therefore leaves what it differed from what is typical, and a later run is measured from where those before it lay.
What moves with time does not respond to pileup as it did, so that a line in pileup is followed, not a point. Each run
moves it as in Bayesian linear regression: the line before weighs as much as 64 of the lumisections that leave
something. It is fixed while a run lasts: a run is judged before it is learned from.

What a monitoring element's own scorers find unlikely is not learned from; nor is a run in which they found most so.
Residuals are kept as whole numbers, so that parts of a run may come in any order.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from dqm.references.sums import HELD, PILEUP_STEPS, TRUST_P, TRUSTED

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_]

MEMORY = 64.0
"""Lumisections, at pileups of unit variance, that the line before weighs as much as."""
LINE = 2
"""Numbers of a line: at the mean pileup, and per standard deviation of it."""

_STEPS = 2.0**20
"""Residuals are counted in steps of one over this part of the axis."""


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """What some lumisections leave of n MEs: ``seen`` (2, n) counts those trusted and those held back.

    Over those trusted: ``sums`` (n, k) of residuals in steps and ``leaning`` (n, k) of residuals in steps times
    pileup, which is in steps of 1/1024, ``pileup`` (2, n) of its first and second powers.
    """

    seen: Int64
    sums: Int64
    leaning: Int64
    pileup: Int64

    @classmethod
    def nothing(cls, elements: int, numbers: int) -> "Residuals":
        """Of no lumisection: n is ``elements``, k is ``numbers``."""
        shapes = (2, elements), (elements, numbers), (elements, numbers), (2, elements)
        return cls(*(np.zeros(shape, dtype=np.int64) for shape in shapes))

    @classmethod
    def of(cls, summaries: Float32, typical: Float32, pileup: float, p_values: Float32) -> "Residuals":
        """Of one lumisection at standardised ``pileup``.

        ``summaries`` and ``typical`` ones (n, k), ``p_values`` (n,), NaN: not inspected.
        """
        away = summaries - typical
        known = np.isfinite(away).all(axis=1)
        with np.errstate(invalid="ignore"):
            seen = np.stack([known & (p_values > TRUST_P), known & (p_values <= TRUST_P)]).astype(np.int64)
        trusted = seen[TRUSTED]
        sums = np.where(trusted[:, None], np.rint(np.nan_to_num(away) * _STEPS), 0.0).astype(np.int64)
        at = round(pileup * PILEUP_STEPS)
        return cls(seen, sums, sums * at, np.stack([trusted * at, trusted * at**2]))

    def __add__(self, other: "Residuals") -> "Residuals":
        """Of the lumisections of both."""
        return Residuals(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def only(self, rows: Rows) -> "Residuals":
        """Of some MEs (n,), zero for the others."""
        return Residuals(self.seen * rows, self.sums * rows[:, None], self.leaning * rows[:, None], self.pileup * rows)


def start(elements: int, numbers: int) -> Float32:
    """The shift (2, n, k) of a model that has followed nothing yet."""
    return np.zeros((LINE, elements, numbers), dtype=np.float32)


def followed(shift: Float32, run: Residuals) -> Float32:
    """The shift (2, n, k) of the centre after a run: shares of the axis, at the mean pileup and per deviation of it."""
    use = run.seen[TRUSTED] >= run.seen[HELD]
    count = MEMORY + np.where(use, run.seen[TRUSTED], 0)[:, None]
    first = np.where(use, run.pileup[0] / PILEUP_STEPS, 0.0)[:, None]
    second = MEMORY + np.where(use, run.pileup[1] / PILEUP_STEPS**2, 0.0)[:, None]
    at_mean = MEMORY * shift[0] + use[:, None] * run.sums / _STEPS
    per_deviation = MEMORY * shift[1] + use[:, None] * run.leaning / _STEPS / PILEUP_STEPS
    # The normal equations of two coefficients, solved by hand for all features at once.
    determinant = count * second - first**2
    middle = (second * at_mean - first * per_deviation) / determinant
    slope = (count * per_deviation - first * at_mean) / determinant
    return np.stack([middle, slope]).astype(np.float32)
