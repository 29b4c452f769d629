"""Fitting a supervised head, and what it says of bad and good runs that it has not seen.

Weights are fitted to some blocks of runs and judged by others. How strong the ridge is, and where the threshold lies,
is chosen by cross-fitting *inside* the blocks that are learned from (M. Stone, J. R. Stat. Soc. B 36 (1974) 111): what
is held out takes no part in anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dqm.statistics.classification import auc, logistic_regression
from dqm.statistics.conformal import Blocks, ConformalTable
from streams.arrays import Float32, Float64, Indices, Int64, Mask

STRENGTHS = (0.3, 1.0, 3.0, 10.0)
"""Inverse ridges that are tried."""
BLOCKS = 5

Heads = Callable[[Indices], Float64]
"""Scores (strengths, R) of all rows by what some rows teach."""
Folds = Sequence[tuple[Indices, Indices]]
"""Pairs of rows that are learned from, and held out."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The place of the ``strength`` that ranks best, and the ``scores`` (R,) of held out rows by it; NaN for others."""

    strength: int
    scores: Float64


def choose(heads: Heads, bad: Mask, repeats: Sequence[Folds]) -> Choice:
    """The best strength by mean AUC over ``repeats`` of a cross-fit; scores are the mean over them."""
    held_out = []
    for folds in repeats:
        scores = np.full((len(STRENGTHS), len(bad)), np.nan)
        for own, test in folds:
            scores[:, test] = heads(own)[:, test]
        held_out.append(scores)
    finite = np.isfinite(held_out[0][0])
    areas = [np.mean([auc(scores[at, finite], bad[finite]) for scores in held_out]) for at in range(len(STRENGTHS))]
    best = int(np.argmax(areas))
    return Choice(best, np.mean([scores[best] for scores in held_out], axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """A head, the table of its sums, and p-values (R,) of the rows by heads that have not seen them."""

    intercept: float
    weights: Float64
    table: ConformalTable
    p_values: Float32


def fit(features: Float64, bad: Mask, runs: Int64) -> FittedHead:
    """Fit to ``features`` (R, n) of rows that belong to ``runs`` (R,); each block of time needs good and bad ones."""
    block = blocks_of(runs, bad)

    def heads(own: Indices) -> Float64:
        fits = [logistic_regression(features[own], bad[own], strength) for strength in STRENGTHS]
        return np.array([intercept + features @ weights for intercept, weights in fits])

    def chosen(blocks: Sequence[int]) -> tuple[int, ConformalTable]:
        folds = [
            (np.flatnonzero(np.isin(block, blocks) & (block != held_out)), np.flatnonzero(block == held_out))
            for held_out in blocks
        ]
        choice = choose(heads, bad, [folds])
        good = np.isin(block, blocks) & ~bad
        return choice.strength, ConformalTable.of(choice.scores[good], Blocks.of(len(np.unique(runs[good])), 1))

    p_values = np.full(len(bad), np.nan, dtype=np.float32)
    for held_out in range(BLOCKS):
        training = [number for number in range(BLOCKS) if number != held_out]
        strength, table = chosen(training)
        rows = block == held_out
        scores = heads(np.flatnonzero(~rows))[strength, rows]
        p_values[rows] = table.p_values(scores.astype(np.float32))
    strength, table = chosen(range(BLOCKS))
    return FittedHead(*logistic_regression(features, bad, STRENGTHS[strength]), table, p_values)


def blocks_of(runs: Int64, bad: Mask) -> Indices:
    """The block (R,) of time of each row, so that each holds as many runs with bad rows; none cuts a run."""
    numbers = np.unique(runs[bad])
    ends = numbers[(np.arange(1, BLOCKS) * len(numbers)) // BLOCKS]
    return np.searchsorted(ends, runs, side="right")
