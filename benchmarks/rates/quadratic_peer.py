"""The peer: a quadratic in pileup for each path and prescale column, with a robust spread."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dqm.rates.levels.readings import Readings
from dqm.statistics.robust import NORMAL_MAD

Float64 = npt.NDArray[np.float64]
LEAST = 30
"""Lumisections that a fit needs."""
_ROUNDS, _HUBER = 8, 1.5


class Quadratics:
    """Fits of the rate over live time; a rate that training has not seen in a column is not judged there."""

    def __init__(self, learned: Readings) -> None:
        """Fit what was learned from, ramps and scans left out."""
        self._fits: dict[tuple[str, int], tuple[Float64, float]] = {}
        use = learned.judged & (learned.moved == 0)[:, None]
        columns = np.array(learned.columns, dtype=object)
        for column in set(learned.columns):
            for at in range(learned.counts.shape[1]):
                rows = np.flatnonzero(use[:, at] & (columns == column))
                if len(rows) >= LEAST:
                    rates = learned.counts[rows, at] / learned.live_s[rows]
                    self._fits[column, at] = _fit(learned.pileup[rows], rates)

    def pulls(self, readings: Readings) -> Float64:
        """How far rates (L, n) lie from their fits, in robust standard deviations, NaN: not judged."""
        result = np.full(readings.counts.shape, np.nan)
        columns = np.array(readings.columns, dtype=object)
        for (column, at), (coefficients, spread) in self._fits.items():
            rows = np.flatnonzero(readings.judged[:, at] & (readings.moved == 0) & (columns == column))
            rates = readings.counts[rows, at] / readings.live_s[rows]
            result[rows, at] = (rates - np.polyval(coefficients, readings.pileup[rows])) / spread
        return result


def _fit(pileup: Float64, rates: Float64) -> tuple[Float64, float]:
    weight = np.ones(len(rates))
    coefficients, spread = np.zeros(3), 1.0
    for _ in range(_ROUNDS):
        coefficients = np.polyfit(pileup, rates, 2, w=np.sqrt(weight))
        away = np.abs(rates - np.polyval(coefficients, pileup))
        spread = max(NORMAL_MAD * float(np.median(away)), 1e-9)
        weight = np.minimum(1.0, _HUBER * spread / np.maximum(away, 1e-12))
    return coefficients, spread


def episodes(
    bad: npt.NDArray[np.bool_], inspected: npt.NDArray[np.bool_], raise_bad: int, raise_of: int, clear: int
) -> Sequence[tuple[int, int]]:
    """Row at which each incident is raised, and its rate, of ``bad`` (L, n) lumisections in order."""
    raised = []
    for at in range(bad.shape[1]):
        good, is_open = 0, False
        for row in range(len(bad)):
            if not is_open and bad[max(0, row - raise_of + 1) : row + 1, at].sum() >= raise_bad:
                is_open = True
                raised.append((row, at))
            good = 0 if bad[row, at] else good + int(inspected[row, at])
            is_open = is_open and good < clear
    return raised
