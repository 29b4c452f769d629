"""A centre of the features that follows the drift of the detector from run to run.

The largest of thousands of errors are those of the features that moved most since training, so that a score
calibrated last week says "unlikely" of everything today. Each run therefore leaves what its histograms differed from
typical ones, and the features of a later run are measured from where those before it lay. The centre remembers
some 64 of the lumisections that leave something, later ones more than earlier ones. It is fixed while a run lasts:
a run is judged before it is learned from.

What a monitoring element's own scorers find unlikely is not learned from; nor is a run in which they found most so.
Residuals are kept as whole numbers, so that parts of a run may come in any order.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dqm.certification.summaries import NUMBERS
from dqm.references.sums import HELD, TRUST_P, TRUSTED

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_]

MEMORY = 64.0
"""Lumisections that the centre before weighs as much as."""

_STEPS = 2.0**20
"""Residuals are counted in steps of one over this part of the axis."""


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """What some lumisections leave of n MEs: ``sums`` (n, 7) in steps over those trusted, ``seen`` (2, n).

    ``seen`` counts lumisections, those trusted and those held back.
    """

    sums: Int64
    seen: Int64

    @classmethod
    def nothing(cls, elements: int) -> "Residuals":
        """Of no lumisection."""
        return cls(np.zeros((elements, NUMBERS), dtype=np.int64), np.zeros((2, elements), dtype=np.int64))

    @classmethod
    def of(cls, summaries: Float32, typical: Float32, p_values: Float32) -> "Residuals":
        """Of one lumisection: ``summaries`` and ``typical`` ones (n, 7), ``p_values`` (n,), NaN: not inspected."""
        away = summaries - typical
        known = np.isfinite(away).all(axis=1)
        with np.errstate(invalid="ignore"):
            seen = np.stack([known & (p_values > TRUST_P), known & (p_values <= TRUST_P)])
        steps = np.where(seen[TRUSTED, :, None], np.rint(np.nan_to_num(away) * _STEPS), 0.0)
        return cls(steps.astype(np.int64), seen.astype(np.int64))

    def __add__(self, other: "Residuals") -> "Residuals":
        """Of the lumisections of both."""
        return Residuals(self.sums + other.sums, self.seen + other.seen)

    def only(self, rows: Rows) -> "Residuals":
        """Of some MEs (n,), zero for the others."""
        return Residuals(self.sums * rows[:, None], self.seen * rows)


def start(elements: int) -> Float32:
    """The shift (n, 7) of a model that has followed nothing yet."""
    return np.zeros((elements, NUMBERS), dtype=np.float32)


def followed(shift: Float32, run: Residuals) -> Float32:
    """The shift (n, 7) of the centre after a run, shares of the axis."""
    trusted, held = run.seen[TRUSTED], run.seen[HELD]
    use = np.where(trusted >= held, trusted, 0)[:, None]
    mean = run.sums / (_STEPS * np.maximum(trusted, 1)[:, None])
    after: Float32 = ((MEMORY * shift + use * mean) / (MEMORY + use)).astype(np.float32)
    return after
