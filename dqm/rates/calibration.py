"""From residuals of rates to p-values, and from the declared budget to what is unlikely enough.

Four questions are asked of a lumisection: did all rates move, did a seed, did the paths of a seed together, did one
path. Each has a conformal table (:mod:`dqm.statistics.conformal`) from good lumisections that neither curves nor
network have seen, judged as later ones will be: with the drift that was known when their run began. Paths have
one for each class of expected counts, since few counts scatter otherwise than many. The budget is shared between the
four.

What calibration holds of ramps, scans and faults would make tables call the like of it ordinary. So what lies far from
the plain fit is unlikely whatever they say, unless the seeds explain it: such a rate has the p-value of a normal
distribution, and no limit lies below it.
"""

from dataclasses import dataclass

import numpy as np

from conf.settings import AlertSettings
from dqm.core.budget import limit
from dqm.rates.residuals import RateResiduals
from dqm.statistics.conformal import ConformalTable, ConformalTables
from dqm.statistics.robust import scale
from dqm.statistics.variance_stabilised import two_sided
from streams.arrays import Float32, Float64, Indices
from streams.records import LUMISECTION_SECONDS

CLASSES = (0.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Expected counts from which each class of paths begins."""
SHARES = {"overall": 0.1, "seeds": 0.25, "together": 0.25, "paths": 0.4}
"""Of the budget."""
INSIDE = 0.99
"""Share of good lumisections within the band that is drawn."""

PLAIN = 5.0
"""Standard deviations, counting noise and robust spread included, at which a rate lies far from the plain fit."""
_LEAST = 50
_MOST = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class PValues:
    """Of L lumisections: ``rows`` (L, n) of each rate by itself, ``together`` (L, s), ``overall`` (L,)."""

    rows: Float32
    together: Float32
    overall: Float32


@dataclass(frozen=True, slots=True)
class CauseLimits:
    """P-values at or below which something moved; they keep the declared budget."""

    overall: float
    seeds: float
    together: float
    paths: float


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Tables of absolute residuals: ``rows`` first that of seeds, then of each class of paths.

    ``wide`` (s,) is the spread of ``together`` of each seed. ``reach`` (1 + classes,): 99 % of good rates lie as near.
    """

    rows: tuple[ConformalTable, ...]
    together: ConformalTable
    overall: ConformalTable
    wide: Float64
    reach: Float64

    def p_values(self, residuals: RateResiduals) -> PValues:
        """P-values of residuals; NaN where nothing was judged."""
        kinds, seeds = _kinds(residuals.expected, len(self.wide)), len(self.wide)
        away = np.abs(np.concatenate([residuals.off_curve[:, :seeds], residuals.away[:, seeds:]], axis=1)).astype(
            np.float32
        )
        rows = np.full(away.shape, np.nan, dtype=np.float32)
        tables = ConformalTables.of(list(self.rows))
        flat = np.flatnonzero(np.isfinite(away))
        rows.ravel()[flat] = tables.p_values(away.ravel()[flat], kinds.ravel()[flat])
        plain = np.minimum(np.abs(residuals.away), np.abs(residuals.off_curve))
        rows = np.where(plain >= PLAIN, np.minimum(rows, two_sided(plain)), rows).astype(np.float32)
        together = self.together.p_values((np.abs(residuals.together) / self.wide).astype(np.float32))
        return PValues(rows, together, self.overall.p_values(np.abs(residuals.overall).astype(np.float32)))

    def reaches(self, expected: Float64) -> Float64:
        """Standard deviations (L, n) to the edges of the band about ``expected`` counts (L, n)."""
        reaches: Float64 = self.reach[_kinds(expected, len(self.wide))]
        return reaches


def calibrate(residuals: RateResiduals, seeds: int) -> Calibration:
    """Calibration from good lumisections."""
    kinds = _kinds(residuals.expected, seeds)
    away = np.abs(np.concatenate([residuals.off_curve[:, :seeds], residuals.away[:, seeds:]], axis=1))
    pools = [away[(kinds == kind) & np.isfinite(away)] for kind in range(1 + len(CLASSES))]
    everything = away[np.isfinite(away)]
    pools = [pool if len(pool) >= _LEAST else everything for pool in pools]
    wide = np.nan_to_num(scale(residuals.together), nan=1.0)
    wide = np.maximum(wide, 0.1)
    together = np.abs(residuals.together) / wide
    return Calibration(
        tuple(ConformalTable.of(pool) for pool in pools),
        ConformalTable.of(together[np.isfinite(together)] if np.isfinite(together).any() else np.zeros(1)),
        ConformalTable.of(np.abs(residuals.overall[np.isfinite(residuals.overall)])),
        wide,
        np.array([np.quantile(pool, INSIDE) for pool in pools]),
    )


def limits(p_values: PValues, seeds: int, per_shift: float, shift_hours: float, alerts: AlertSettings) -> CauseLimits:
    """Limits from the p-values of calibration in order of time, for ``per_shift`` false incidents in so many hours."""
    allowed = min(per_shift * LUMISECTION_SECONDS / (shift_hours * 3600), _MOST)
    bad, of = min(alerts.raise_bad, alerts.raise_of), alerts.raise_of
    units = {
        "overall": p_values.overall[:, None],
        "seeds": p_values.rows[:, :seeds],
        "together": p_values.together,
        "paths": p_values.rows[:, seeds:],
    }
    limits = {name: limit(unit.T, bad, of, allowed * SHARES[name]) for name, unit in units.items()}
    least = float(two_sided(PLAIN))
    return CauseLimits(**{**limits, "seeds": max(limits["seeds"], least), "paths": max(limits["paths"], least)})


def _kinds(expected: Float64, seeds: int) -> Indices:
    """Number (L, n) of the table of each: 0 for seeds."""
    kinds: Indices = np.searchsorted(np.array(CLASSES), expected, side="right")
    kinds[:, :seeds] = 0
    return kinds
