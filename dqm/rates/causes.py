"""From residuals to a named cause, from the widest to the narrowest.

What one cause explains does not alarm again: a seed's forty paths are one finding, and so is a wrong prescale column. A
cause is named only if one of the four questions of :mod:`dqm.rates.calibration` finds it unlikely under the budget;
what kind of cause it is follows from who moved, and by how much.
"""

from dataclasses import dataclass

import numpy as np

from dqm.core.quality import Reason
from dqm.rates.calibration import CauseLimits
from dqm.rates.columns import Columns
from dqm.statistics.multiple_testing import discovery_threshold
from streams.arrays import Float32, Float64, Indices, Mask

SEVERAL = 3
"""So many seeds must be concerned before prescales are suspected."""
CLEAR = 0.3
"""A logarithm of a ratio from here on is clear: prescales are whole numbers, drifts are small."""
AS_ONE = 0.25
"""All rates moved as one if three quarters of the seeds lie within this, in logarithm, of the median."""


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """One lumisection in the order of the menu: n rates, the first s of them seeds.

    ``p_rows`` (n,), ``p_together`` (s,), ``p_overall``; NaN: not judged. ``counts``, ``by_pileup`` (expected of pileup
    alone), ``prescale`` (of a path: with its seed's), ``spread`` about the curve and ``judged`` are (n,).
    ``seed_of`` (n,) is the seed of each, a seed being its own.
    """

    p_rows: Float32
    p_together: Float32
    p_overall: float
    counts: Float64
    by_pileup: Float64
    prescale: Float64
    spread: Float64
    judged: Mask
    seed_of: Indices

    @property
    def seeds(self) -> int:
        """How many seeds there are."""
        return len(self.p_together)

    @property
    def log_ratio(self) -> Float64:
        """Logarithm (n,) of counts over those expected of pileup alone, half a count added to both."""
        ratio: Float64 = np.log((self.counts + 0.5) / (self.by_pileup + 0.5))
        return ratio


@dataclass(frozen=True, slots=True, eq=False)
class RateCause:
    """What moved: ``reason``, its ``rows``, the p-value that convicts it, and ``by``: the factor of their rates.

    ``seed`` is the place of the seed concerned, -1 for causes of all. ``column`` is the prescale index that would
    explain it, None where there is none.
    """

    reason: Reason
    rows: Indices
    p_value: float
    by: float
    seed: int = -1
    column: int | None = None


def causes(findings: Findings, limits: CauseLimits, columns: Columns, false_discovery_rate: float) -> list[RateCause]:
    """What is wrong in one lumisection; empty if nothing is unlikely enough.

    Two tests must agree, as with histograms: the limit that keeps the budget, and Benjamini and Hochberg's over all
    questions asked of the lumisection.
    """
    every = np.concatenate([findings.p_rows, findings.p_together, [findings.p_overall]]).astype(np.float32)
    discovery = discovery_threshold(every, false_discovery_rate)
    with np.errstate(invalid="ignore"):
        alone = np.where(np.arange(len(findings.p_rows)) < findings.seeds, limits.seeds, limits.paths)
        fired = findings.p_rows <= np.minimum(alone, discovery)
        groups = findings.p_together <= min(limits.together, discovery)
        overall = bool(every[-1] <= min(limits.overall, discovery))
    if not (overall or fired.any() or groups.any()):
        return []
    wide = _prescales(findings, fired, groups, overall, columns) or _all_rates(findings, overall)
    if wide is not None:
        return [wide]
    behind = [_seed(findings, seed, limits) for seed in np.flatnonzero(groups | fired[: findings.seeds]).tolist()]
    explained = np.isin(findings.seed_of, [cause.seed for cause in behind])
    return behind + [_path(findings, row) for row in np.flatnonzero(fired & ~explained).tolist()]


def _prescales(findings: Findings, fired: Mask, groups: Mask, overall: bool, columns: Columns) -> RateCause | None:
    """Rates of several seeds that moved by factors of their own while others stayed."""
    clear = fired & (np.abs(findings.log_ratio) >= CLEAR)
    if len(set(findings.seed_of[clear].tolist())) < SEVERAL:
        return None
    column = columns.explaining(
        findings.counts, findings.by_pileup, findings.prescale, findings.spread, findings.judged
    )
    if column is None and overall and _moved_by_one_factor(findings):
        return None
    rows = np.flatnonzero(fired | (groups[findings.seed_of] & findings.judged))
    p_value = _least(findings.p_rows[fired], findings.p_together[groups])
    return RateCause(Reason.WRONG_PRESCALES, rows, p_value, _factor(findings, rows), column=column)


def _all_rates(findings: Findings, overall: bool) -> RateCause | None:
    """All seeds by about one factor."""
    if not overall:
        return None
    seeds = np.flatnonzero(findings.judged[: findings.seeds])
    return RateCause(
        Reason.ALL_MOVED, np.flatnonzero(findings.judged), findings.p_overall, _median_factor(findings, seeds)
    )


def _moved_by_one_factor(findings: Findings) -> bool:
    of_seeds = findings.log_ratio[: findings.seeds][findings.judged[: findings.seeds]]
    return bool(np.mean(np.abs(of_seeds - np.median(of_seeds)) <= AS_ONE) >= 0.75)


def _seed(findings: Findings, seed: int, limits: CauseLimits) -> RateCause:
    """A seed with its paths; if the seed itself did not move it is good, and only its paths are concerned."""
    rows = np.flatnonzero((findings.seed_of == seed) & findings.judged)
    if not findings.p_rows[seed] <= limits.seeds and not np.abs(findings.log_ratio[seed]) >= CLEAR:
        rows = rows[rows >= findings.seeds]
    p_value = _least(findings.p_rows[seed : seed + 1], findings.p_together[seed : seed + 1])
    return RateCause(Reason.SEED_MOVED, rows, p_value, _factor(findings, rows), seed)


def _path(findings: Findings, row: int) -> RateCause:
    rows = np.array([row], dtype=np.intp)
    return RateCause(
        Reason.PATH_MOVED, rows, float(findings.p_rows[row]), _factor(findings, rows), int(findings.seed_of[row])
    )


def _factor(findings: Findings, rows: Indices) -> float:
    """By how much the rows moved together."""
    return float(findings.counts[rows].sum() / max(findings.by_pileup[rows].sum(), 1e-9))


def _median_factor(findings: Findings, rows: Indices) -> float:
    return float(np.exp(np.median(findings.log_ratio[rows])))


def _least(*p_values: Float32) -> float:
    together = np.concatenate(p_values)
    return float(np.nanmin(together)) if np.isfinite(together).any() else 1.0
