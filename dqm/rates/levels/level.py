"""The level of each rate in a prescale column: how far it lies from its curve, from lumisection to lumisection.

A Kalman filter (R. E. Kalman, J. Basic Eng. 82 (1960) 35) of two numbers for each rate: the logarithm of counts over
the curve's at a pileup of 50, and its slope against the logarithm of pileup. A column that is not known begins with
hardly any knowledge of either, so that its band is wide until a few lumisections have taught it. What lies off is not
learned, so that a fault does not become the level. Nor are lumisections in which conditions moved: their mean pileup
does not say what rates to expect, and their bands are as much wider.

Each lumisection leaves its *pull*, the difference to what those before made one expect, in standard deviations, level
and counting both included. Pulls of good lumisections are independent. So sums of the latest few, over the root of
their number, are pulls again, and see a small change that lasts. One lumisection is no change that lasts: in a sum no
single one counts more than ``MOST_IN_SUM``, and the others must lie off without it.

Rates of many counts leave any change that matters far behind them, and what they do by themselves once in many shifts
is small. Those of few do not. So sums of *large* changes are told apart, which need less to be believed: a chart that
is made for a change of some size asks for counts beyond the middle between that and none (J. M. Lucas, Technometrics 27
(1985) 129).
"""

from dataclasses import dataclass
from math import log

import numpy as np

from dqm.statistics.variance_stabilised import stabilised
from streams.arrays import Float64, Indices, Mask

SUMS = (1, 2, 3, 5, 10)
"""Consecutive lumisections whose pulls are summed."""
MOST_IN_SUM = 3.5
LEAST_OTHERS = 2.0
"""A sum counts if that of all but the lumisection that lies farthest off is at least this, over the root of their
number."""
LEAST_NOW = 1.0
"""So far the latest lumisection must lie off to the same side for a sum to count: what is over is no fault."""
LARGE = log(2) / 2
"""A change is large if the logarithm of counts over expected ones lies beyond the middle between none and a half, or
double."""
_COUNTS = np.array(SUMS)
_LAST, _ALONE = _COUNTS - 1, _COUNTS == 1
PILEUP = 50.0

MEAN, SLOPE, VARIANCE, COVARIANCE, SLOPE_VARIANCE = range(5)
UNKNOWN = np.array([0.0, 0.0, 4.0, 0.0, 1.0])
"""Mean and slope, their variances and covariance where nothing is known: a factor of seven, and a power of pileup."""
LEARNED = np.array([0.0, 0.0, 0.01, 0.0, 0.0025])
"""Those of a column that training has seen, in another dataset: 10 % beside the curve."""
WIDEST = 0.2
"""A level known to less than this share is not judged by: its band is too wide to call anything good."""

PER_LUMISECTION = 0.002**2
"""Variance that the level gains with every lumisection ..."""
PER_RUN = 0.02**2
"""... and with every run, for what is changed between two."""
NEW_VERSION = 4.0
"""... and with a new version of the path, which may select otherwise: its level is as good as unknown."""
GATE = 4.0
"""What lies farther off is not learned."""
PATIENCE = 30
"""In training, which is of good data, a rate that was off in so many lumisections in a row is learned anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """How far a walk has come: ``level`` (5, n), and what the latest lumisections leave.

    ``latest`` (3, 10, n) are pulls, cut at MOST_IN_SUM, counts, and what was expected, the newest first, of which
    ``filled`` (n,) are; ``off`` (n,) counts lumisections in a row that were not learned; ``number`` is that of the
    newest lumisection, None before any.
    """

    level: Float64
    latest: Float64
    filled: Indices
    off: Indices
    number: int | None

    @classmethod
    def begin(cls, level: Float64) -> "Track":
        """Before the first lumisection."""
        n = level.shape[1]
        return cls(level, np.zeros((3, max(SUMS), n)), np.zeros(n, dtype=np.intp), np.zeros(n, dtype=np.intp), None)


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """What T lumisections of one column leave of n rates.

    ``track`` is that after them; ``factor`` and ``spread`` (T, n): what was expected over the curve, and the standard
    deviation of its logarithm but for counting; ``pulls`` (T, n, sums), NaN: not read; ``large``: the same, 0 where the
    change is none that is LARGE.
    """

    track: Track
    factor: Float64
    spread: Float64
    pulls: Float64
    large: Float64


def walk(
    track: Track,
    counts: Float64,
    curve: Float64,
    use: Mask,
    conditions: tuple[Indices, Float64, Float64],
    spread: Float64,
    *,
    training: bool = False,
) -> Walk:
    """Follow the levels of a ``track`` through ``counts`` (T, n) of which ``curve`` (T, n) were expected without them.

    ``use`` (T, n) leaves some out; ``conditions`` are the number of each lumisection, its pileup, and by what share
    this moved, (T,) each; ``spread`` (n,) is of counts beyond counting noise. In ``training`` see PATIENCE.
    """
    numbers, pileup, moved = conditions
    length, n = counts.shape
    factor, wide = np.ones((length, n)), np.zeros((length, n))
    pulls, large = np.full((2, length, n, len(SUMS)), np.nan)
    level, latest, filled, off, before = track.level.copy(), track.latest, track.filled, track.off, track.number
    for at in range(length):
        number = int(numbers[at])
        if before is not None:
            level[VARIANCE] += PER_LUMISECTION * (number - before)
        before = number
        x, rows, steady = log(max(float(pileup[at]), 1.0) / PILEUP), use[at], moved[at] == 0
        variance = level[VARIANCE] + 2 * level[COVARIANCE] * x + level[SLOPE_VARIANCE] * x * x
        factor[at] = np.exp(np.clip(level[MEAN] + level[SLOPE] * x, -30.0, 30.0))
        wide[at] = np.sqrt(np.maximum(variance, 0.0) + spread**2 + moved[at] ** 2)
        expected = curve[at] * factor[at]
        pull = stabilised(counts[at], expected, wide[at])
        newest = np.stack([np.clip(pull, -MOST_IN_SUM, MOST_IN_SUM), counts[at], expected])[:, None]
        through = np.concatenate([newest, latest[:, :-1]], axis=1)
        if steady:
            # What conditions moved in is off by the same in each lumisection of a ramp: no sum of such is a pull.
            latest = np.where(rows, through, latest)
            filled = np.minimum(filled + rows, max(SUMS))
        enough = filled[:, None] >= _COUNTS
        enough[:, 0] = True
        sums, lasts = _sums(latest[0])
        sums[:, 0], lasts[:, 0] = pull, True
        pulls[at] = np.where(rows[:, None] & enough, np.where(lasts & (steady | _ALONE), sums, 0.0), np.nan)
        counted, foreseen = through[1:].cumsum(axis=1)[:, _LAST] + 0.5
        small = np.abs(np.log(counted / foreseen)).T < LARGE
        large[at] = np.where(small & ~np.isnan(pulls[at]), 0.0, pulls[at])
        near = np.abs(np.where(enough, sums, 0.0)).max(axis=1) < GATE
        off = np.where(near | ~rows, 0, off + 1)
        if training:
            level[VARIANCE:, off >= PATIENCE] = UNKNOWN[VARIANCE:, None]
        learn = rows & (near | (variance > WIDEST**2)) & steady
        _learn(level, counts[at], expected, variance, x, spread, learn)
    return Walk(Track(level, latest, filled, off, before), factor, wide, pulls, large)


def _sums(pulls: Float64) -> tuple[Float64, Mask]:
    """Of the first 1, 2, 3 ... of ``pulls`` (10, n) the sum over the root of their number, (n, sums).

    And whether it is a change that lasts.
    """
    whole = pulls.cumsum(axis=0)
    farthest = np.where(whole > 0, np.maximum.accumulate(pulls), -np.minimum.accumulate(pulls))
    without_largest = (np.abs(whole) - farthest)[_LAST] / np.sqrt(np.maximum(_LAST, 1))[:, None]
    sums = whole[_LAST] / np.sqrt(_COUNTS)[:, None]
    return sums.T, ((without_largest >= LEAST_OTHERS) & (pulls[0] * np.sign(sums) >= LEAST_NOW)).T


def _learn(
    level: Float64, counts: Float64, expected: Float64, variance: Float64, x: float, spread: Float64, learn: Mask
) -> None:
    """Move the ``level`` (5, n) by one lumisection."""
    # Of a level that is not known yet the expectation says nothing on how well counts are known.
    sure = np.where(variance > WIDEST**2, np.maximum(counts, expected), expected)
    total = variance + spread**2 + 1 / (sure + 0.5)
    away = np.log((counts + 0.5) / (expected + 0.5))
    to_mean = level[VARIANCE] + level[COVARIANCE] * x
    to_slope = level[COVARIANCE] + level[SLOPE_VARIANCE] * x
    gains = np.where(learn, to_mean / total, 0.0), np.where(learn, to_slope / total, 0.0)
    level[MEAN] += gains[0] * away
    level[SLOPE] += gains[1] * away
    level[VARIANCE] -= gains[0] * to_mean
    level[COVARIANCE] -= gains[0] * to_slope
    level[SLOPE_VARIANCE] -= gains[1] * to_slope
