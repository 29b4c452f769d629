"""A supervised head: what bad runs that people have labelled say of which MEs tell.

Each ME is one number, how many standard deviations its p-value stands for, and a subsystem in a lumisection is a sum
of these with weights that a ridge has kept small (:mod:`dqm.statistics.classification`). The sum is calibrated on good
runs that took no part in the weights. So weights decide what is detected, never how often a verdict is wrong.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from dqm.core.combination import SubsystemOpinion
from dqm.core.quality import OF_ENTRIES
from dqm.core.state import SubsystemScores
from dqm.statistics.conformal import ConformalTable
from streams.arrays import Float32, Float64, Mask, NamedArrays, UInt8
from streams.records import Catalogue, Conditions

REACH = 4.0
"""Standard deviations beyond which an ME deviates no farther: one alone must not decide."""
LEAST_INSPECTED = 0.5
"""Share of the weights that must lie on inspected MEs."""
MOST_NAMED = 3
"""MEs that are named as those that tell."""


@dataclass(frozen=True, slots=True, eq=False)
class SupervisedHead:
    """Of the n MEs of ``names`` their ``weights`` and what is ``usual`` of good ones, (n,) each.

    ``table`` makes a p-value of the weighted sum and the ``intercept``.
    """

    names: tuple[str, ...]
    intercept: float
    weights: Float64
    usual: Float64
    table: ConformalTable

    def opinion(self, part: SubsystemScores, conditions: Conditions) -> SubsystemOpinion | None:
        """How much a part resembles bad ones, and by which MEs; None where too few of them were inspected."""
        del conditions
        return self.opinion_of(part.catalogue, part.p_values, part.reasons, part.present)

    def opinion_of(
        self, catalogue: Catalogue, p_values: Float32, reasons: UInt8, present: Mask
    ) -> SubsystemOpinion | None:
        """The same of MEs (n,) in the order of a ``catalogue``."""
        rows = np.array([catalogue.index.get(name, -1) for name in self.names], dtype=np.intp)
        deviates, inspected = deviations(p_values, reasons, present)
        covered = np.zeros(len(self.names), dtype=np.bool_)
        covered[rows >= 0] = inspected[rows[rows >= 0]]
        size = np.abs(self.weights)
        if not size[covered].sum() >= LEAST_INSPECTED * size.sum() > 0:
            return None
        own = np.where(covered, np.where(rows >= 0, deviates[rows], 0.0), self.usual)
        p_value = float(self.table.p_values(np.array([self.intercept + own @ self.weights], dtype=np.float32))[0])
        contributions = np.maximum(self.weights * (own - self.usual), 0.0)
        shares = np.zeros(len(catalogue))
        shares[rows[rows >= 0]] = contributions[rows >= 0]
        named = [
            self.names[row] for row in np.argsort(-contributions, kind="stable")[:MOST_NAMED] if contributions[row] > 0
        ]
        return SubsystemOpinion(p_value, shares, finding=f"Resembles what people called bad, by {' and '.join(named)}")

    def arrays(self) -> NamedArrays:
        """The numbers by name, to be saved."""
        return {
            "intercept": np.array(self.intercept),
            "weights": self.weights,
            "usual": self.usual,
            "table": self.table.as_array(),
        }

    @classmethod
    def from_arrays(cls, names: tuple[str, ...], arrays: NamedArrays) -> "SupervisedHead":
        """Inverse of :meth:`arrays`, for the MEs of a catalogue."""
        table = ConformalTable.from_array(arrays["table"])
        return cls(names, float(arrays["intercept"]), arrays["weights"], arrays["usual"], table)


def deviations(p_values: Float32, reasons: UInt8, present: Mask) -> tuple[Float64, Mask]:
    """How many standard deviations each ME (n,) lies off, between 0 and :data:`REACH`, and which were inspected (n,).

    Too few and too many entries reach as far as anything.
    """
    amount = np.isin(reasons, OF_ENTRIES) & present
    inspected = np.isfinite(p_values) & present
    tested = np.clip(np.where(inspected, p_values, 1.0).astype(np.float64), 1e-30, 1.0)
    deviates = np.minimum(-ndtri(tested / 2), REACH)
    return np.where(amount, REACH, deviates), inspected | amount
