"""From scores to p-values of MEs, and from those to p-values of lumisections.

All of it comes from the calibration set: good lumisections of runs which training never saw.

1. *Normalisation.* The logarithm of a score is a line in ln(counts) and pileup, fitted robustly for each ME and
   scorer; what remains is divided by its robust spread, drawn towards that of the ME's group. Counts and pileup fall
   together in the course of a run, as much else does: with few runs there is no telling what of it matters to a score,
   and the line is level.
2. *One scorer.* Normalised scores of all MEs of a group are pooled, so that p-values can be as small as
   1 / (MEs x lumisections); see :mod:`dqm.statistics.conformal` for that and for what lies beyond.
3. *All scorers.* The smallest of an ME's p-values, which after Bonferroni would be safe under any dependence, is
   calibrated once more, on the pool of the subsystem: scorers agree most of the time, and Bonferroni would pay
   for tests that are not independent.

The pool uses scores normalised by fits to *other* runs of the calibration set (cross-fitting): a score that
took part in its own normalisation would look too ordinary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dqm.statistics.conformal import UNLIMITED, Blocks, ConformalTable, ConformalTables
from dqm.statistics.robust import fit_lines, median, scale
from streams.arrays import Float32, Float64, Indices, Int64, Mask

FOLDS = 4
LEAST_SCORES = 2
"""Calibration scores an ME must have to be judged at all."""
RUNS_OF_LINES = 8
"""Runs below which lines are level: four for each of two slopes."""

_SMALLEST_SCORE = 1e-3
_RIDGE = np.array([0.0, 4.0, 4.0])
_SHRINK = 10.0
_ORDINARY = (100.0, 0.0, 0.0)
"""A line so high that every score lies far below it."""


@dataclass(frozen=True, slots=True, eq=False)
class Normaliser:
    """Lines and spreads: ``lines`` (k, n, 3) of 1, ln(counts) - ``centre`` (n,), pileup; ``spread`` (k, n).

    ``reach`` (n,) and ``pileup`` (2,) bound ln(counts) - centre and pileup to what calibration saw: beyond it a
    line is not continued. ``judged`` (n,) says which MEs had enough calibration scores, ``covered`` (k, n) which
    scorers judge which: what the others say comes out as very ordinary.
    """

    lines: Float32
    spread: Float32
    centre: Float32
    reach: Float32
    pileup: Float32
    judged: Mask
    covered: Mask

    def normalised(self, scores: Float32, totals: Float32, pileup: Float32) -> Float32:
        """Normalised scores of ``scores`` (k, L, n), with ``totals`` (L, n) counts and ``pileup`` (L,)."""
        size = np.log(np.maximum(totals, np.float32(1.0))) - self.centre
        np.clip(size, -self.reach, self.reach, out=size)
        pileup = np.clip(pileup, self.pileup[0], self.pileup[1])
        expected = self.lines[:, None, :, 1] * size
        expected += self.lines[:, None, :, 2] * pileup[:, None]
        expected += self.lines[:, None, :, 0]
        logs: Float32 = np.log(np.maximum(scores, np.float32(_SMALLEST_SCORE)))
        logs -= expected
        logs /= self.spread[:, None]
        return logs


def fit_normaliser(
    scores: Float32,
    totals: Float32,
    pileup: Float32,
    use: Mask,
    groups: Sequence[slice],
    covered: Mask,
    *,
    level: bool,
) -> Normaliser:
    """Normaliser of ``scores`` (k, L, n), NaN-free; ``use`` (L, n) leaves out what was not inspected.

    ``groups`` are the rows of each group: spreads are drawn towards the median spread of the group as if by
    ten more lumisections. ``level`` lines have no slopes.
    """
    kinds, lumisections, n = scores.shape
    scores_per_me = use.sum(axis=0)
    logs = np.where(use, np.log(np.maximum(totals, 1.0)), np.nan).astype(np.float64)
    centre = np.where(scores_per_me > 0, median(logs), 0.0)
    size = np.where(use, logs - centre, 0.0)
    design = np.stack([np.ones((lumisections, n)), size, np.repeat(pileup[:, None], n, axis=1)], axis=-1)
    if level:
        design[..., 1:] = 0.0
    lines = np.zeros((kinds, n, 3))
    spread = np.ones((kinds, n))
    for kind in range(kinds):
        values = np.where(use & covered[kind], np.log(np.maximum(scores[kind], _SMALLEST_SCORE)), np.nan)
        values = values.astype(np.float64)
        lines[kind] = fit_lines(design, values, _RIDGE)
        own = scale(values - np.einsum("lnk,nk->ln", design, lines[kind]))
        for rows in groups:
            spread[kind, rows] = _drawn_together(own[rows], scores_per_me[rows])
    lines[~covered], spread[~covered] = _ORDINARY, 1.0
    return Normaliser(
        lines.astype(np.float32),
        spread.astype(np.float32),
        centre.astype(np.float32),
        np.abs(size).max(axis=0).astype(np.float32),
        np.array([pileup.min(), pileup.max()], dtype=np.float32),
        scores_per_me >= LEAST_SCORES,
        covered,
    )


def _drawn_together(own: Float64, scores_per_me: Indices) -> Float64:
    has_spread = np.isfinite(own) & (scores_per_me >= LEAST_SCORES)
    middle = float(np.median(own[has_spread])) if has_spread.any() else 1.0
    filled = np.where(has_spread, own, middle)
    weight = np.where(has_spread, scores_per_me, 0)
    drawn: Float64 = np.maximum(np.sqrt((weight * filled**2 + _SHRINK * middle**2) / (weight + _SHRINK)), 1e-3)
    return drawn


@dataclass(frozen=True, slots=True, eq=False)
class ElementCalibration:
    """P-values of the MEs of one subsystem; ``table`` (n,) is the group's number of each ME.

    ``scorers`` holds a table for each scorer and group (scorer-major), ``combined`` one for the subsystem.
    """

    normaliser: Normaliser
    table: Indices
    groups: int
    scorers: ConformalTables
    combined: ConformalTables

    def p_values(self, scores: Float32, totals: Float32, pileup: Float32) -> Float32:
        """P-values (L, n) in (0, 1] of ``scores`` (k, L, n)."""
        smallest = _smallest(self.normaliser.normalised(scores, totals, pileup), self.table, self.groups, self.scorers)
        return self.combined.p_values(_surprise(smallest), np.zeros(len(self.table), dtype=np.intp))


def _smallest(normalised: Float32, table: Indices, groups: int, tables: ConformalTables) -> Float32:
    """The smallest p-value (L, n) over the scorers."""
    kinds, lumisections, n = normalised.shape
    columns = normalised.transpose(1, 0, 2).reshape(lumisections, kinds * n)
    places = (np.arange(kinds)[:, None] * groups + table).ravel()
    smallest: Float32 = tables.p_values(columns, places).reshape(lumisections, kinds, n).min(axis=1)
    return smallest


def _surprise(p_values: Float32) -> Float32:
    surprise: Float32 = -np.log(p_values)
    return surprise


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """The calibration of a subsystem as it is saved, and the p-values (L, n) of the calibration set itself."""

    normaliser: Normaliser
    scorers: tuple[ConformalTable, ...]
    combined: ConformalTable
    p_values: Float32

    def elements(self, groups: Sequence[slice]) -> ElementCalibration:
        """Ready for use."""
        return assemble(self.normaliser, self.scorers, self.combined, groups)


def assemble(
    normaliser: Normaliser, scorers: Sequence[ConformalTable], combined: ConformalTable, groups: Sequence[slice]
) -> ElementCalibration:
    """Calibration of a subsystem whose groups are the rows ``groups``, from what was saved."""
    table = np.concatenate([np.full(rows.stop - rows.start, place) for place, rows in enumerate(groups)])
    return ElementCalibration(
        normaliser,
        table.astype(np.intp),
        len(groups),
        ConformalTables.of(list(scorers)),
        ConformalTables.of([combined]),
    )


def calibrate(
    scores: Float32,
    totals: Float32,
    pileup: Float32,
    use: Mask,
    groups: Sequence[slice],
    covered: Mask,
    runs: Int64,
) -> Calibrated:
    """Calibrate one subsystem on ``scores`` (k, L, n) of good lumisections in time order, of ``runs`` (L,).

    ``covered`` (k, n) says which scorers judge which MEs. P-values are widened for what so many runs leave unknown
    (:class:`dqm.statistics.conformal.Blocks`).
    """
    level = len(np.unique(runs)) < RUNS_OF_LINES
    crossed = _cross_fitted(scores, totals, pileup, use, groups, covered, runs, level=level)
    normaliser = fit_normaliser(scores, totals, pileup, use, groups, covered, level=level)
    use = use & normaliser.judged
    tables = [
        _table(crossed[kind][:, rows][(use & covered[kind])[:, rows]]) for kind in range(len(scores)) for rows in groups
    ]
    table = np.concatenate([np.full(rows.stop - rows.start, place) for place, rows in enumerate(groups)])
    smallest = _smallest(crossed, table.astype(np.intp), len(groups), ConformalTables.of(tables))
    blocks = Blocks.of(len(np.unique(runs)), int(normaliser.judged.sum()))
    combined = _table(_surprise(smallest)[use], blocks)
    p_values = np.where(use, combined.p_values(_surprise(smallest)), np.nan).astype(np.float32)
    return Calibrated(normaliser, tuple(tables), combined, p_values)


def uncalibrated(covered: Mask, groups: Sequence[slice]) -> Calibrated:
    """What stands for a calibration where nothing is known of how runs differ: no ME is judged."""
    kinds, n = covered.shape
    nothing = np.zeros((kinds, n), dtype=np.float32)
    normaliser = Normaliser(
        np.zeros((kinds, n, 3), dtype=np.float32),
        nothing + 1,
        nothing[0],
        nothing[0],
        np.zeros(2, dtype=np.float32),
        np.zeros(n, dtype=np.bool_),
        covered,
    )
    empty = _table(np.empty(0, dtype=np.float32))
    combined = _table(np.empty(0, dtype=np.float32), Blocks(1, 0.0))
    return Calibrated(normaliser, (empty,) * (kinds * len(groups)), combined, np.empty((0, n), dtype=np.float32))


def _table(pool: Float32, blocks: Blocks = UNLIMITED) -> ConformalTable:
    """A table of the pool; where nothing was calibrated nothing is judged, and any table will do."""
    return ConformalTable.of(pool.astype(np.float64) if len(pool) else np.zeros(1), blocks)


def _cross_fitted(
    scores: Float32,
    totals: Float32,
    pileup: Float32,
    use: Mask,
    groups: Sequence[slice],
    covered: Mask,
    runs: Int64,
    *,
    level: bool,
) -> Float32:
    """Normalised scores (k, L, n), each by a fit that has not seen its run, nor the runs around it."""
    crossed = np.zeros_like(scores)
    for held_out in _stretches(runs):
        training = np.setdiff1d(np.arange(len(pileup)), held_out)
        fit = fit_normaliser(
            scores[:, training], totals[training], pileup[training], use[training], groups, covered, level=level
        )
        crossed[:, held_out] = fit.normalised(scores[:, held_out], totals[held_out], pileup[held_out])
    return crossed


def _stretches(runs: Int64) -> Sequence[Indices]:
    """Places of the lumisections of consecutive whole runs, in at most four parts; of stretches of the only run."""
    distinct, of = np.unique(runs, return_inverse=True)
    if len(distinct) < 2:
        return np.array_split(np.arange(len(runs)), FOLDS)
    parts = min(FOLDS, len(distinct))
    return [np.flatnonzero(of * parts // len(distinct) == part) for part in range(parts)]
