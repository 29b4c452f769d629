"""How many entries each ME of a subsystem has in good lumisections under given conditions.

Entries are proportional to recorded luminosity; what each has per unit of it, ln(entries + 1) - ln(luminosity), is
a line in ln(pileup), fitted robustly for each ME. The first slope is not fitted, because good lumisections hardly
differ in live time and one with little of it would be judged by extrapolation. Where the conditions are not known
the median stands in. The spread about either is robust too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dqm.statistics.robust import NORMAL_MAD, fit_lines, median
from streams.arrays import Float64
from streams.records import Conditions

_LEAST_SPREAD = 0.02
_MARGIN = 5.0
_SIBLINGS = 3
_RIDGE = np.array([0.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class EntriesModel:
    """``coefficients`` (n, 3) of 1, ln(luminosity), ln(pileup) about ``centre`` (2,); ``spread`` (n,) of ln.

    ``median`` (n,) and ``median_spread`` (n,) stand in where the conditions are unknown. NaN: never seen.
    """

    coefficients: Float64
    centre: Float64
    spread: Float64
    median: Float64
    median_spread: Float64

    @property
    def knows_conditions(self) -> bool:
        """Whether luminosity and pileup were known in training."""
        return not bool(np.isnan(self.centre).any())

    def expected(self, conditions: Sequence[Conditions]) -> tuple[Float64, Float64]:
        """Expected entries (L, n), none where there was no beam, and the relative spread (L, n) about them."""
        by_lumisection = [regressors(condition) if self.knows_conditions else None for condition in conditions]
        lines = np.empty((len(conditions), len(self.median)))
        spreads = np.empty_like(lines)
        for at, regressor in enumerate(by_lumisection):
            if regressor is None:
                lines[at], spreads[at] = self.median, self.median_spread
            else:
                lines[at], spreads[at] = (
                    self.coefficients @ np.concatenate([[1.0], regressor - self.centre]),
                    self.spread,
                )
        lines[[is_dark(condition) for condition in conditions]] = 0.0
        return np.expm1(np.clip(lines, 0.0, 60.0)), spreads

    @staticmethod
    def lack(statistics: Float64, expected: Float64, spread: Float64) -> Float64:
        """How many spreads the ``statistics`` lie below what is expected; arrays of any one shape."""
        deficit = np.log1p(expected) - np.log1p(statistics)
        lack: Float64 = deficit / np.sqrt(spread**2 + 1.0 / (expected + 1.0))
        return lack

    @classmethod
    def departure(cls, statistics: Float64, expected: Float64, spread: Float64) -> Float64:
        """How many spreads the ``statistics`` lie below or above what is expected."""
        departure: Float64 = np.abs(cls.lack(statistics, expected, spread))
        return departure

    @staticmethod
    def empty_by_chance(statistics: Float64, expected: Float64, spread: Float64) -> Float64:
        """A bound (L, n) on the probability that an ME is empty while the others are as full as they are.

        Poisson's, e^-m: ``m`` is half of what is expected of the ME at :data:`_MARGIN` of its spreads below the middle,
        and no more than the share of what is expected of them that the MEs of its lumisection have, by their median.
        1 where that cannot be told from fewer than :data:`_SIBLINGS` of them. Needs no calibration.
        """
        is_expected = np.isfinite(expected) & (expected > 0)
        share = np.where(is_expected, statistics / np.where(is_expected, expected, 1.0), np.nan)
        full = np.minimum(np.nan_to_num(median(share.T)), 1.0) * (is_expected.sum(axis=1) > _SIBLINGS)
        least = 0.5 * full[:, None] * expected * np.exp(-_MARGIN * spread)
        bound: Float64 = np.exp(-np.where(is_expected, least, 0.0))
        return bound

    def arrays(self) -> dict[str, Float64]:
        """The numbers by name, to be saved."""
        return {
            "coefficients": self.coefficients,
            "centre": self.centre,
            "spread": self.spread,
            "median": self.median,
            "median_spread": self.median_spread,
        }


def is_dark(conditions: Conditions) -> bool:
    """Whether nothing can be expected: no collisions, or none recorded."""
    return 0.0 in (conditions.pileup, conditions.delivered_lumi, conditions.recorded_lumi)


def regressors(conditions: Conditions) -> Float64 | None:
    """ln(recorded luminosity) and ln(pileup), None unless both are known and positive."""
    lumi, pileup = conditions.recorded_lumi, conditions.pileup
    if lumi is None or pileup is None or not (lumi > 0 and pileup > 0):
        return None
    return np.log([lumi, pileup])


def fit(statistics: Float64, conditions: list[Conditions]) -> EntriesModel:
    """Model from good lumisections: ``statistics`` (L, n), NaN where an ME did not come."""
    logs = np.log1p(statistics)
    n = statistics.shape[1]
    never = np.isnan(logs).all(axis=0)
    middle = np.where(never, np.nan, np.nanmedian(np.where(never, 0.0, logs), axis=0))
    middle_spread = _spread(logs - middle)
    rows = [
        (place, values) for place, condition in enumerate(conditions) if (values := regressors(condition)) is not None
    ]
    if len(rows) < max(20, len(conditions) // 2):
        blank = np.full((n, 3), np.nan)
        return EntriesModel(blank, np.full(2, np.nan), np.full(n, np.nan), middle, middle_spread)
    values = np.array([condition for _, condition in rows])
    centre = values.mean(axis=0)
    design = np.column_stack([np.ones(len(values)), values - centre])
    logs = logs[[place for place, _ in rows]]
    per_lumi = logs - design[:, 1:2]
    lines = fit_lines(np.repeat(design[:, None, [0, 2]], n, axis=1), per_lumi, _RIDGE)
    coefficients = np.column_stack([lines[:, 0], np.where(never, np.nan, 1.0), lines[:, 1]])
    spread = _spread(logs - design @ coefficients.T)
    return EntriesModel(coefficients, centre, spread, middle, middle_spread)


def _spread(residuals: Float64) -> Float64:
    never = np.isnan(residuals).all(axis=0)
    middle = np.nanmedian(np.abs(np.where(never, 0.0, residuals)), axis=0)
    return np.where(never, np.nan, np.maximum(NORMAL_MAD * middle, _LEAST_SPREAD))
