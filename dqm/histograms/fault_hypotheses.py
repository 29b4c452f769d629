"""Simple faults fitted to one histogram: how much of its disagreement would each explain?

Every fit changes the reference in the one way that the fault would (dead, hot, noisy, shifted, scaled, swapped), and
compares. Expected cells carry a variance of ``m + (0.03 m)² + 1`` for m counts: Poisson, a tolerance for how good
shapes vary, and a guard for empty cells.
"""

from dataclasses import dataclass

import numpy as np

from dqm.statistics.robust_total import robust_totals
from streams.arrays import Float64, Int64
from streams.records import Axis

TOLERANCE = 0.03
EMPTY = 0.2
ENOUGH = 0.95
MAX_CELLS = 100
"""Cells along the first axis above which fits that move it use a coarser histogram."""

_STEPS = 21
_HOT_SHARE = 0.03


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One fault that might be there.

    ``explained`` is the share of the chi2 that goes away (costs of freedom subtracted, so it may be
    negative); ``cells`` are the flat cells concerned (for a swap those of the first axis, and ``partner`` those
    that it exchanges them with);
    ``amount`` is the move in cells (shift), the factor (gain) or the extra share of entries (hot, noisy).
    """

    kind: str
    explained: float
    cells: Int64
    amount: float = 0.0
    partner: Int64 | None = None


def chi2_terms(observed: Float64, expected: Float64) -> Float64:
    """Squared deviations in units of the variance named in the module, cell by cell."""
    terms: Float64 = (observed - expected) ** 2 / (expected + (TOLERANCE * expected) ** 2 + 1)
    return terms


def fit(observed: Float64, reference: Float64, axes: tuple[Axis, ...]) -> Hypothesis:
    """The best hypothesis; ``observed`` and ``reference`` have the ME's shape and equal sums.

    Cheap fits come first, and dearer ones are not tried once ``ENOUGH`` is explained.
    """
    best = max(dead(observed, reference), crowded(observed, reference), key=_by_share)
    # Noise in very many bins imitates everything else, so it never settles the question.
    if (best.explained >= ENOUGH and best.kind != "noisy") or observed.shape[0] <= 2:
        return best
    coarse, plain = _coarser(observed), _coarser(reference)
    per_cell = _merged(observed.shape[0])
    origin = -axes[0].lower / (axes[0].upper - axes[0].lower) * coarse.shape[0]
    best = max(best, shift(coarse, plain, per_cell), gain(coarse, plain, origin), key=_by_share)
    if best.explained >= ENOUGH:
        return best
    return max(best, swap(coarse, plain, per_cell), key=_by_share)


def _by_share(hypothesis: Hypothesis) -> float:
    return hypothesis.explained


def dead(observed: Float64, reference: Float64) -> Hypothesis:
    """Cells that should hold counts and hold less than the share ``EMPTY`` of them."""
    expected = _healthy(observed, reference)
    terms = chi2_terms(observed.ravel(), expected)
    empty = (observed.ravel() < EMPTY * expected) & (terms > 6)
    remaining = terms[~empty].sum() + 2 * np.log(observed.size)
    explained = _explained(observed, reference, remaining) if empty.any() else -1.0
    return Hypothesis("dead", explained, np.flatnonzero(empty))


def crowded(observed: Float64, reference: Float64) -> Hypothesis:
    """Cells with too many counts: hot if they are few, noisy if they are many."""
    expected = _healthy(observed, reference)
    terms = chi2_terms(observed.ravel(), expected)
    full = (observed.ravel() > expected) & (terms > 9)
    cells = np.flatnonzero(full)
    excess = float((observed.ravel() - expected)[full].sum() / max(observed.sum(), 1.0))
    remaining = terms[~full].sum() + np.log(observed.size) * len(cells)
    kind = "hot" if len(cells) <= max(1, np.ceil(_HOT_SHARE * observed.size)) else "noisy"
    explained = _explained(observed, reference, remaining) if len(cells) else -1.0
    return Hypothesis(kind, explained, cells, excess)


def _healthy(observed: Float64, reference: Float64) -> Float64:
    """The reference, flat, scaled to the cells that are not out of line."""
    usual = reference.ravel()
    totals, _ = robust_totals(observed.reshape(1, -1), usual[None])
    return np.asarray(usual * totals[0] / max(usual.sum(), 1e-300), dtype=float)


def shift(observed: Float64, reference: Float64, per_cell: int) -> Hypothesis:
    """The reference moved along the first axis; ``amount`` is in cells of the full histogram."""
    reach = max(2.0, 1.2 * _width(reference))
    cells = observed.shape[0]
    best, remaining = 0.0, np.inf
    for step in (reach, 2 * reach / _STEPS):
        moves = best + np.linspace(-step, step, _STEPS)
        best, remaining = _best(observed, remapped(reference, shift_edges(cells, moves[:, None])), moves)
    explained = _explained(observed, reference, remaining + 2 * np.log(observed.size))
    return Hypothesis("shift", explained, np.arange(0), best * per_cell)


def gain(observed: Float64, reference: Float64, origin: float) -> Hypothesis:
    """The reference stretched along the first axis about the value 0, which lies at cell ``origin``."""
    cells = observed.shape[0]
    best, remaining = 0.0, np.inf
    for step in (0.6, 1.2 / _STEPS):
        logs = best + np.linspace(-step, step, _STEPS)
        best, remaining = _best(observed, remapped(reference, scale_edges(cells, np.exp(logs)[:, None], origin)), logs)
    explained = _explained(observed, reference, remaining + 2 * np.log(observed.size))
    return Hypothesis("gain", explained, np.arange(0), float(np.exp(best)))


def swap(observed: Float64, reference: Float64, per_cell: int) -> Hypothesis:
    """Two blocks along the first axis that look as each other should.

    For every distance d and place i the chi2 gained by exchanging i and i + d is summed over
    contiguous blocks no longer than d; the best block over all distances wins.
    """
    bins = observed.shape[0]
    here = chi2_terms(observed, reference).reshape(bins, -1).sum(axis=1)
    other = _chi2_of_all_pairs(observed.reshape(bins, -1), reference.reshape(bins, -1))
    gained = here[:, None] + here[None] - other - other.T
    place, distance = np.arange(bins)[:, None], np.arange(1, bins)[None]
    partner = place + distance
    along = np.where(partner < bins, gained[place, np.minimum(partner, bins - 1)], 0.0)
    first, last, gained_by_run = _best_runs(np.concatenate([np.zeros((1, bins - 1)), np.cumsum(along, axis=0)]))
    column = int(np.argmax(gained_by_run))
    remaining = here.sum() - gained_by_run[column] + 6 * np.log(observed.size)
    block = np.arange(first[column] * per_cell, last[column] * per_cell)
    explained = _explained(observed, reference, remaining)
    return Hypothesis("swap", explained, block, partner=block + (column + 1) * per_cell)


def _chi2_of_all_pairs(observed: Float64, reference: Float64) -> Float64:
    """Entry (i, j): the chi2 of slice i of the histogram against slice j of the reference, as matrix products."""
    weight = 1 / (reference + (TOLERANCE * reference) ** 2 + 1)
    cross = observed @ (reference * weight).T
    return np.asarray(observed**2 @ weight.T - 2 * cross + (reference**2 * weight).sum(axis=1))


def _best_runs(sums: Float64) -> tuple[Int64, Int64, Float64]:
    """Of cumulative sums (n + 1, n - 1), column d - 1: the run of at most d cells with the largest sum.

    Where the best run is longer than that, the best one of just d cells stands for it.
    """
    rows, columns = np.arange(len(sums))[:, None], np.arange(sums.shape[1])
    last = np.argmax(sums - np.minimum.accumulate(sums, axis=0), axis=0)
    first = np.argmin(np.where(rows <= last, sums, np.inf), axis=0)
    ends = rows + columns + 1
    windows = np.where(ends + columns + 1 < len(sums), sums[np.minimum(ends, len(sums) - 1), columns] - sums, -np.inf)
    at = np.argmax(windows, axis=0)
    too_long = last - first > columns + 1
    first, last = np.where(too_long, at, first), np.where(too_long, at + columns + 1, last)
    return first, last, sums[last, columns] - sums[first, columns]


def _best(observed: Float64, models: Float64, values: Float64) -> tuple[float, float]:
    """The value whose model fits best, and the chi2 left; models are scaled to the observed sum."""
    sums = models.reshape(len(models), -1).sum(axis=1)
    scale = (observed.sum() / np.maximum(sums, 1e-9)).reshape(-1, *(1,) * observed.ndim)
    chi2 = chi2_terms(observed, models * scale).reshape(len(models), -1).sum(axis=1)
    at = int(np.argmin(chi2))
    return float(values[at]), float(chi2[at])


def _explained(observed: Float64, reference: Float64, remaining: float) -> float:
    return float(1 - remaining / max(chi2_terms(observed, reference).sum(), 1e-9))


def _width(contents: Float64) -> float:
    """Standard deviation along the first axis, in cells."""
    profile = contents.reshape(contents.shape[0], -1).sum(axis=1)
    at = np.arange(len(profile))
    mean = np.average(at, weights=profile)
    return float(np.sqrt(np.average((at - mean) ** 2, weights=profile)))


def _coarser(contents: Float64) -> Float64:
    """The same histogram with at most ``MAX_CELLS`` cells along the first axis."""
    merged = _merged(contents.shape[0])
    starts = np.arange(0, contents.shape[0], merged)
    return np.asarray(np.add.reduceat(contents, starts, axis=0), dtype=float) if merged > 1 else contents


def _merged(cells: int) -> int:
    """How many cells become one."""
    return -(-cells // MAX_CELLS)


def remapped(contents: Float64, edges: Float64) -> Float64:
    """Contents of n cells whose edges are read at other places of the same distribution.

    Counts are taken as spread evenly inside a cell, so that a move by a fraction of a cell is defined.
    What leaves the axis is lost: the caller finds it as the difference of the sums.

    Args:
        contents: (n,) or (n, m) counts; m cells of further axes stay where they are.
        edges: (n + 1,) or (k, n + 1) source of every cell edge, in cells from the lower end of the axis.

    Returns:
        (n, …) or (k, n, …) counts, as many as ``edges`` asks for.
    """
    cells = contents.shape[0]
    cumulative = np.zeros((cells + 1, *contents.shape[1:]))
    np.cumsum(contents, axis=0, out=cumulative[1:])
    inside = np.clip(edges, 0, cells)
    lower = np.minimum(inside.astype(np.int64), cells - 1)
    share = (inside - lower).reshape(*edges.shape, *(1,) * (contents.ndim - 1))
    at_edges = cumulative[lower] * (1 - share) + cumulative[lower + 1] * share
    # Differences of sums may fall short of zero by rounding.
    return np.asarray(np.maximum(np.diff(at_edges, axis=edges.ndim - 1), 0))


def shift_edges(cells: int, by: float | Float64) -> Float64:
    """Source edges of a distribution that moves up by ``by`` cells; a column (k, 1) of moves gives k rows."""
    return np.asarray(np.arange(cells + 1) - by, dtype=float)


def scale_edges(cells: int, factor: float | Float64, origin: float) -> Float64:
    """Source edges of a distribution stretched by ``factor`` > 0 about ``origin`` (in cells, may lie outside)."""
    return np.asarray(origin + (np.arange(cells + 1) - origin) / factor, dtype=float)
