"""Pileup in units in which references and curves use it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streams.records import Conditions

PILEUP_REACH = 3.0
"""Standardised pileup is used within plus and minus this; beyond it what is expected is taken to stay."""


@dataclass(frozen=True, slots=True)
class PileupScale:
    """Mean and standard deviation of pileup among the lumisections of training."""

    mean: float
    deviation: float

    def standardised(self, conditions: Conditions) -> float:
        """Pileup in standard deviations from the mean, within the reach of references; 0 if it is not known."""
        if conditions.pileup is None or self.deviation <= 0:
            return 0.0
        return float(np.clip((conditions.pileup - self.mean) / self.deviation, -PILEUP_REACH, PILEUP_REACH))


def pileup_scale(conditions: Sequence[Conditions]) -> PileupScale:
    """Scale of lumisections; a deviation of 0 says that pileup is not known or does not change."""
    pileups = np.array([condition.pileup for condition in conditions if condition.pileup is not None], dtype=np.float64)
    if len(pileups) < max(20, len(conditions) // 2) or pileups.std() < 1e-3:
        return PileupScale(0.0, 0.0)
    return PileupScale(float(pileups.mean()), float(pileups.std()))
