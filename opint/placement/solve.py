"""Choose what to hold: the best there is where that can be found in time, else the better of what was found."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from opint.placement import greedy, milp
from opint.placement.decision import Decision
from opint.placement.problem import Problem
from opint.placement.replicas import Flags

MOST_OPTIONS = 400_000
"""Options beyond which no optimum is looked for."""
TIME_LIMIT_S = 60.0


class Method(StrEnum):
    """How options were chosen."""

    OPTIMAL = "mixed-integer programming"
    GREEDY = "greedy"


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Options (q,) that are held, worth ``value`` reads; none are worth more than ``bound`` (infinite if not known)."""

    chosen: Flags
    value: float
    bound: float
    method: Method

    @property
    def gap(self) -> float:
        """The share by which the best possible value may be higher; infinite where nothing is known of it."""
        if not np.isfinite(self.bound):
            return float("inf")
        return max(0.0, self.bound - self.value) / max(abs(self.bound), 1e-9)


def solve(problem: Problem, time_limit_s: float = TIME_LIMIT_S, most_options: int = MOST_OPTIONS) -> Solution:
    """Choose options; the greedy choice stands where no better one is found within the time."""
    first = greedy.choose(problem)
    value = problem.value(first)
    if len(first) > most_options:
        return Solution(first, value, float("inf"), Method.GREEDY)
    best = milp.choose(problem, time_limit_s)
    if best.chosen is not None and (optimum := problem.value(best.chosen)) >= value:
        return Solution(best.chosen, optimum, best.bound, Method.OPTIMAL)
    return Solution(first, value, best.bound, Method.GREEDY)


def decision(problem: Problem, chosen: Flags, replicas: int) -> Decision:
    """What to do about ``replicas`` (m) to hold the ``chosen`` (q,) options."""
    delete = np.zeros(replicas, dtype=np.bool_)
    delete[problem.replica[~chosen & ~problem.is_copy]] = True
    made = chosen & problem.is_copy
    return Decision(delete, problem.dataset[made], problem.rse[made])
