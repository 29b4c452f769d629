"""The best options by mixed-integer linear programming: HiGHS (Q. Huangfu and J. Hall, 2018), by SciPy.

A binary variable per option says whether it is held. A dataset with several options has another variable for having any
replica, and a region with several options of a dataset has one for having a replica there: both are bounded by the
number of held options.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, vstack

from opint.placement.decision import SLACK_BYTES
from opint.placement.problem import Problem
from opint.placement.sites import TB
from streams.arrays import Float64, Indices, Mask

GAP = 1e-4
"""Relative gap to the best possible value at which the solver stops."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """The options (q,) to hold, None if none were found in time; no choice is worth more than ``bound`` reads."""

    chosen: Mask | None
    bound: float


def choose(problem: Problem, time_limit_s: float) -> Optimum:
    """The best options found within the time limit."""
    q = len(problem.dataset)
    if not q:
        return Optimum(np.zeros(0, dtype=np.bool_), 0.0)
    cell = problem.dataset * problem.local.shape[1] + problem.region
    any_row, any_of, any_sum = _shared(problem.dataset, problem.anywhere)
    local_row, local_of, local_sum = _shared(cell, problem.local.ravel())
    worth = np.concatenate([any_sum - problem.cost + local_sum, problem.anywhere[any_of], problem.local.flat[local_of]])
    width, a = len(worth), len(any_of)
    copies = problem.is_copy
    rows = [
        _sums(problem.rse, problem.bytes / TB, len(problem.room), width),
        _sums(np.zeros(copies.sum(), np.intp), problem.bytes[copies] / TB, 1, width, np.flatnonzero(copies)),
        _sums(problem.dataset, np.ones(q), len(problem.most), width),
        _below(any_row, a, q, width),
        _below(local_row, len(local_of), q + a, width),
    ]
    limits = [problem.room / TB, np.array([problem.network / TB]), problem.most, np.zeros(a + len(local_of))]
    low = np.concatenate([problem.forced, np.zeros(width - q)]).astype(np.float64)
    with _silent():
        solution = milp(
            -worth,
            integrality=np.ones(width),
            bounds=Bounds(low, np.ones(width)),
            constraints=LinearConstraint(vstack(rows, format="csr"), -np.inf, np.concatenate(limits)),
            # Presolve does not end in a minute for 100,000 datasets; without it the optimum is found in seconds.
            options={"time_limit": time_limit_s, "mip_rel_gap": GAP, "presolve": False},
        )
    bound = np.inf if solution.mip_dual_bound is None else -float(solution.mip_dual_bound)
    return Optimum(None if solution.x is None else within_limits(problem, solution.x[:q] > 0.5), bound)


def within_limits(problem: Problem, chosen: Mask) -> Mask:
    """The ``chosen`` (q,) options without what is beyond room and network, which the solver keeps to a millionth only.

    What saves least for a byte is left out.
    """
    chosen = chosen.copy()
    used = np.bincount(problem.rse[chosen], problem.bytes[chosen], len(problem.room))
    for rse in np.flatnonzero(used > problem.room + SLACK_BYTES):
        _shrink(problem, chosen, problem.rse == rse, problem.room[rse])
    _shrink(problem, chosen, problem.is_copy, problem.network)
    return chosen


def _shrink(problem: Problem, chosen: Mask, these: Mask, limit: float) -> None:
    """Choose fewer of ``these`` options (q,) until their bytes are within the limit."""
    while problem.bytes[chosen & these].sum() > limit + SLACK_BYTES:
        may_go = np.flatnonzero(chosen & these & ~problem.forced & (problem.bytes > 0))
        worth = (problem.marginal(chosen) - problem.cost)[may_go] / problem.bytes[may_go]
        chosen[may_go[np.argmin(worth)]] = False


def _shared(group: Indices, worth: Float64) -> tuple[Indices, Indices, Float64]:
    """Of options (q,) in groups: a number (q,) of their group where it has several, -1 where they are alone in it.

    And the groups that are numbered, and what each option (q,) is worth by being alone.
    """
    count = np.bincount(group, minlength=len(worth))
    several = np.flatnonzero(count > 1)
    number = np.full(len(worth), -1, dtype=np.intp)
    number[several] = np.arange(len(several))
    return number[group], several, np.where(count[group] == 1, worth[group], 0.0)


def _sums(row: Indices, weight: Float64, height: int, width: int, column: Indices | None = None) -> csr_array:
    """Sums of the weighted options of each row (height, width)."""
    where = np.arange(len(row)) if column is None else column
    return csr_array((weight, (row, where)), shape=(height, width))


def _below(group: Indices, groups: int, offset: int, width: int) -> csr_array:
    """Rows (groups, width) that are at most 0 where the variable of a group is at most the sum of its options."""
    member = np.flatnonzero(group >= 0)
    row = np.concatenate([group[member], np.arange(groups)])
    column = np.concatenate([member, offset + np.arange(groups)])
    weight = np.concatenate([-np.ones(len(member)), np.ones(groups)])
    return csr_array((weight, (row, column)), shape=(groups, width))


@contextmanager
def _silent() -> Iterator[None]:
    """Silence HiGHS, which prints lines even when asked not to: they would spoil JSON on standard output."""
    c = ctypes.CDLL(None)
    stdout = os.dup(1)
    c.fflush(None)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    try:
        yield
    finally:
        c.fflush(None)
        os.dup2(stdout, 1)
        os.close(stdout)
