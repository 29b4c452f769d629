"""Choosing the replicas to hold: the optimum where it is found in time, otherwise the better of two solutions.

The optimum comes by mixed-integer linear programming: HiGHS (Q. Huangfu and J. Hall, 2018), by SciPy. A binary variable
per option says whether it is held. A dataset with several options has another variable for having any replica, and a
region with several options of a dataset has one for having a replica there: both are bounded by the number of held
options. The greedy choice takes the options that save most reads per byte first, as long as there is room.
"""

import ctypes
import heapq
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, vstack

from opint.placement.decision import SLACK_BYTES, PlacementDecision
from opint.placement.problem import PlacementProblem
from opint.placement.sites import TB
from streams.arrays import Float64, Indices, Mask

GAP = 1e-4
"""Relative gap to the best possible value at which the solver stops."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """The options (q,) to hold, None if none were found in time; no choice is worth more than ``bound`` reads."""

    chosen: Mask | None
    bound: float


def choose(problem: PlacementProblem, time_limit_s: float) -> Optimum:
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


def within_limits(problem: PlacementProblem, chosen: Mask) -> Mask:
    """The ``chosen`` (q,) options without what is beyond room and network, which the solver keeps to a millionth only.

    What saves least for a byte is left out.
    """
    chosen = chosen.copy()
    used = np.bincount(problem.rse[chosen], problem.bytes[chosen], len(problem.room))
    for rse in np.flatnonzero(used > problem.room + SLACK_BYTES):
        _shrink(problem, chosen, problem.rse == rse, problem.room[rse])
    _shrink(problem, chosen, problem.is_copy, problem.network)
    return chosen


def _shrink(problem: PlacementProblem, chosen: Mask, these: Mask, limit: float) -> None:
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


MOST_OPTIONS = 400_000
"""With more options no optimum is searched."""
TIME_LIMIT_S = 60.0


def choose_greedily(problem: PlacementProblem) -> Mask:
    """The options (q,) to hold.

    The saving of an option can only fall when others of its dataset are taken: an option whose saving has fallen is put
    back into the queue with its new saving (M. Minoux, 1978).
    """
    chosen = problem.forced.copy()
    room = problem.room - np.bincount(problem.rse[chosen], problem.bytes[chosen], len(problem.room))
    network = problem.network
    everywhere, by_region = problem.replica_counts(chosen)
    size = np.maximum(problem.bytes, 1.0)
    first = (problem.marginal(chosen) - problem.cost) / size
    queue = [(-float(first[row]), int(row)) for row in np.flatnonzero(~chosen & (first > 0))]
    heapq.heapify(queue)
    while queue:
        queued, row = heapq.heappop(queue)
        dataset, region, rse, needed = problem.dataset[row], problem.region[row], problem.rse[row], problem.bytes[row]
        copied = needed if problem.is_copy[row] else 0.0
        if needed > room[rse] or copied > network or everywhere[dataset] >= problem.most[dataset]:
            continue
        saved = problem.anywhere[dataset] if everywhere[dataset] == 0 else 0.0
        saved += problem.local[dataset, region] if by_region[dataset, region] == 0 else 0.0
        now = float((saved - problem.cost[row]) / size[row])
        if now < -queued:
            if now > 0:
                heapq.heappush(queue, (-now, row))
            continue
        chosen[row] = True
        everywhere[dataset] += 1
        by_region[dataset, region] += 1
        room[rse] -= needed
        network -= copied
    return chosen


class Method(StrEnum):
    """How options were chosen."""

    OPTIMAL = "mixed-integer programming"
    GREEDY = "greedy"


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The options (q,) to hold, worth ``value`` reads; no choice is worth more than ``bound`` (infinite if unknown)."""

    chosen: Mask
    value: float
    bound: float
    method: Method

    @property
    def gap(self) -> float:
        """The share by which the best possible value may be higher; infinite if unknown."""
        if not np.isfinite(self.bound):
            return float("inf")
        return max(0.0, self.bound - self.value) / max(abs(self.bound), 1e-9)


def solve(problem: PlacementProblem, time_limit_s: float = TIME_LIMIT_S, most_options: int = MOST_OPTIONS) -> Solution:
    """Choose options; the greedy choice stands unless a better one is found within the time limit."""
    first = choose_greedily(problem)
    value = problem.value(first)
    if len(first) > most_options:
        return Solution(first, value, float("inf"), Method.GREEDY)
    best = choose(problem, time_limit_s)
    if best.chosen is not None and (optimum := problem.value(best.chosen)) >= value:
        return Solution(best.chosen, optimum, best.bound, Method.OPTIMAL)
    return Solution(first, value, best.bound, Method.GREEDY)


def to_decision(problem: PlacementProblem, chosen: Mask, replicas: int) -> PlacementDecision:
    """The decision about ``replicas`` (m) that holds the ``chosen`` options (q,)."""
    delete = np.zeros(replicas, dtype=np.bool_)
    delete[problem.replica[~chosen & ~problem.is_copy]] = True
    copied = chosen & problem.is_copy
    return PlacementDecision(delete, problem.dataset[copied], problem.rse[copied])
