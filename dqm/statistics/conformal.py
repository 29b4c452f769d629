"""Conformal p-values from a pool of calibration scores, with a fitted tail beyond the pool.

V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World" (2005): for a score s exchangeable with
the n of the pool, p = (1 + number of pool scores >= s) / (n + 1) is a p-value, exactly and in finite samples.

It cannot be smaller than 1 / (n + 1). Beyond the highest hundredth of the pool it is continued by a generalised
Pareto tail (J. Pickands, Ann. Stat. 3 (1975) 119), fitted by probability-weighted moments (J. Hosking, J. Wallis,
Technometrics 29 (1987) 339). That part is a model, not a guarantee. The shape is kept within :data:`SHAPES`:
tails that end would call everything beyond them impossible.

Scores of one run are alike, so that what is known of the spread between runs rests on few of them. A p-value is then
*widened*: its normal deviate is taken for one of a Student distribution with the degrees of freedom that the runs
leave, divided by sqrt(1 + 1 / runs) as for the prediction of one more (W. Gosset, Biometrika 6 (1908) 1).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from streams.arrays import Float32, Float64, Indices

CELLS = 1024
TAIL_SHARE = 0.01
TAIL_LEAST = 20
SHAPES = (0.0, 0.25)
SMALLEST = 1e-30
LEAST_SCALE = 1e-6
"""Of a tail, so that no distance in units of it overflows."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """What independent blocks say of the spread between them: their number, and ``degrees`` of freedom of the spread.

    The elements of one detector share it, so that degrees add up over them.
    """

    count: int
    degrees: float

    @classmethod
    def of(cls, runs: int, elements: int) -> "Blocks":
        """Of ``elements`` that were seen in ``runs`` runs."""
        return cls(runs, float(max(runs - 1, 0) * elements))

    def widened(self, p_values: Float64) -> Float64:
        """P-values that allow for how well the spread is known; 1 where nothing is known of it."""
        if self.degrees <= 0:
            return np.ones_like(p_values)
        deviates = -ndtri(np.clip(p_values, 1e-300, 1.0)) / np.sqrt(1.0 + 1.0 / self.count)
        widened: Float64 = stdtr(self.degrees, -deviates)
        return widened

    def reach(self, p_value: float) -> float:
        """How many times as far out as with unlimited blocks something must lie to get ``p_value``."""
        if self.degrees <= 0:
            return float("inf")
        return float(-stdtrit(self.degrees, p_value) * np.sqrt(1.0 + 1.0 / self.count) / -ndtri(p_value))


UNLIMITED = Blocks(2**31, float(2**31))

_LAST_CELL = np.float32(CELLS - 1)
_FIRST = np.zeros(1, dtype=np.intp)


@dataclass(frozen=True, eq=False)
class ConformalTable:
    """The p-value as a function of the score: steps on an even grid, then the tail.

    ``steps`` (cells,) float32 never rises; cell c covers scores from ``low + c * width``. A score below ``low``
    has p = 1, one at or above ``tail_start`` p = tail_p (1 + shape d)^(-1/shape), d = (s - tail_start) / tail_scale.
    """

    low: float
    width: float
    steps: Float32
    tail_start: float
    tail_p: float
    tail_scale: float
    shape: float
    pool: int
    blocks: Blocks = UNLIMITED

    @classmethod
    def of(cls, scores: Float64, blocks: Blocks = UNLIMITED) -> "ConformalTable":
        """Table of a pool of finite scores, widened for ``blocks``; raises ValueError for an empty pool."""
        ordered = np.sort(np.asarray(scores, dtype=np.float64))
        n = len(ordered)
        if not n:
            raise ValueError("a conformal table needs at least one calibration score")
        k = min(n, max(TAIL_LEAST, int(TAIL_SHARE * n)))
        start = float(ordered[n - k])
        low = float(ordered[0])
        width = max(start - low, 1e-9) / CELLS
        edges = low + width * np.arange(CELLS)
        steps = (1.0 + n - np.searchsorted(ordered, edges, side="left")) / (n + 1.0)
        scale, shape = _tail(ordered[n - k :] - start)
        above = n - int(np.searchsorted(ordered, start, side="left"))
        if blocks is not UNLIMITED:
            steps = blocks.widened(steps.astype(np.float64))
        return cls(low, width, steps.astype(np.float32), start, (1.0 + above) / (n + 1.0), scale, shape, n, blocks)

    def p_values(self, scores: Float32) -> Float32:
        """P-values in [1e-30, 1] of any shape; they never rise with the score. NaN gives NaN."""
        p_values: Float32 = self._alone.p_values(scores.reshape(-1, 1), _FIRST).reshape(scores.shape)
        return p_values

    @cached_property
    def _alone(self) -> "ConformalTables":
        return ConformalTables.of([self])

    def as_array(self) -> Float64:
        """All numbers in one array, for :meth:`from_array`."""
        head = [self.low, self.width, self.tail_start, self.tail_p, self.tail_scale, self.shape, float(self.pool)]
        return np.concatenate([head, [float(self.blocks.count), self.blocks.degrees], self.steps])

    @classmethod
    def from_array(cls, row: Float64) -> "ConformalTable":
        """Inverse of :meth:`as_array`."""
        low, width, start, tail_p, scale, shape, pool, count, degrees = (float(number) for number in row[:9])
        blocks = Blocks(int(count), degrees)
        if blocks == UNLIMITED:
            blocks = UNLIMITED
        return cls(low, width, row[9:].astype(np.float32), start, tail_p, scale, shape, int(pool), blocks)


@dataclass(frozen=True, slots=True, eq=False)
class ConformalTables:
    """Several tables in one, so that rows with different tables are looked up together."""

    steps: Float32
    low: Float32
    inverse_width: Float32
    tail_start: Float32
    tail: Float64
    blocks: tuple[Blocks, ...]

    @classmethod
    def of(cls, tables: list[ConformalTable]) -> "ConformalTables":
        """Stack tables; their place in the list is the number used by :meth:`p_values`."""
        return cls(
            np.concatenate([table.steps for table in tables]),
            np.array([table.low for table in tables], dtype=np.float32),
            np.array([1.0 / table.width for table in tables], dtype=np.float32),
            np.array([table.tail_start for table in tables], dtype=np.float32),
            np.array([[table.tail_p, table.tail_scale, table.shape] for table in tables]),
            tuple(table.blocks for table in tables),
        )

    def p_values(self, scores: Float32, table: Indices) -> Float32:
        """P-values of ``scores`` (..., m), column j by table number ``table[j]``; NaN gives NaN."""
        place = (scores - self.low[table]) * self.inverse_width[table]
        with np.errstate(invalid="ignore"):
            # Unlike clip, these turn NaN into a number, whose p-value is overwritten below.
            cell = np.fmax(np.fmin(place, _LAST_CELL), np.float32(0.0)).astype(np.intp)
            tail = scores >= self.tail_start[table]
        p_values: Float32 = self.steps[cell + table * CELLS]
        p_values[place < 0] = 1.0
        if tail.any():
            where = np.nonzero(tail)
            p_values[where] = self._tail_p(scores[where], table[where[-1]])
        p_values[np.isnan(scores)] = np.nan
        return p_values

    def _tail_p(self, scores: Float32, table: Indices) -> Float32:
        p_start, scale, shape = self.tail[table].T
        distance = (np.minimum(scores.astype(np.float64), 1e30) - self.tail_start[table]) / scale
        heavy = np.maximum(shape, 1e-9)
        log_p = np.log(p_start) - np.where(shape > 0, np.log1p(heavy * distance) / heavy, distance)
        tail_p = np.exp(np.maximum(log_p, np.log(SMALLEST)))
        for number, blocks in enumerate(self.blocks):
            if blocks is not UNLIMITED:
                tail_p = np.where(table == number, blocks.widened(tail_p), tail_p)
        widened: Float32 = np.maximum(tail_p, SMALLEST).astype(np.float32)
        return widened


def _tail(excess: Float64) -> tuple[float, float]:
    """Scale and shape of a generalised Pareto distribution from its sorted excesses, by weighted moments."""
    n = len(excess)
    mean = float(excess.mean())
    if mean <= LEAST_SCALE:
        return LEAST_SCALE, 0.0
    weighted = float((excess * (n - 1 - np.arange(n)) / max(n - 1, 1)).mean())
    shape = 2.0 - mean / max(mean - 2.0 * weighted, 1e-12)
    shape = float(np.clip(shape, *SHAPES))
    return mean * (1.0 - shape), shape
