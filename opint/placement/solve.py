"""Choosing the replicas to hold: the optimum where it is found in time, otherwise the better of two solutions.

The greedy choice takes the options that save most reads per byte first, as long as there is room.
"""

import heapq
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from opint.placement import milp
from opint.placement.decision import Decision
from opint.placement.problem import Problem
from streams.arrays import Mask

MOST_OPTIONS = 400_000
"""With more options no optimum is searched."""
TIME_LIMIT_S = 60.0


def choose_greedily(problem: Problem) -> Mask:
    """The options (q,) to hold.

    The saving of an option can only fall when others of its dataset are taken: an option whose saving has fallen is put
    back into the queue with its new saving (M. Minoux, 1978).
    """
    chosen = problem.forced.copy()
    room = problem.room - np.bincount(problem.rse[chosen], problem.bytes[chosen], len(problem.room))
    network = problem.network
    everywhere, by_region = problem.held(chosen)
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


def solve(problem: Problem, time_limit_s: float = TIME_LIMIT_S, most_options: int = MOST_OPTIONS) -> Solution:
    """Choose options; the greedy choice stands unless a better one is found within the time limit."""
    first = choose_greedily(problem)
    value = problem.value(first)
    if len(first) > most_options:
        return Solution(first, value, float("inf"), Method.GREEDY)
    best = milp.choose(problem, time_limit_s)
    if best.chosen is not None and (optimum := problem.value(best.chosen)) >= value:
        return Solution(best.chosen, optimum, best.bound, Method.OPTIMAL)
    return Solution(first, value, best.bound, Method.GREEDY)


def to_decision(problem: Problem, chosen: Mask, replicas: int) -> Decision:
    """The decision about ``replicas`` (m) that holds the ``chosen`` options (q,)."""
    delete = np.zeros(replicas, dtype=np.bool_)
    delete[problem.replica[~chosen & ~problem.is_copy]] = True
    made = chosen & problem.is_copy
    return Decision(delete, problem.dataset[made], problem.rse[made])
