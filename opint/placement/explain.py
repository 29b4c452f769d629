"""Why each replica is copied, deleted or kept, and why others are not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from opint.placement.budget import Budget, Prices
from opint.placement.demand import Demand
from opint.placement.plan import Action, Line, Plan, Refusal, Why
from opint.placement.problem import Problem, build
from opint.placement.replicas import Flags, Replicas
from opint.placement.sites import TB
from opint.placement.solve import TIME_LIMIT_S, solve
from opint.popularity.history import Float64, Rows

WORTH_TELLING = 1.0
"""Copies of which fewer reads are expected are not told of when they are left out."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """What is planned from what: the ``chosen`` (q,) options, and what each saves beside the others (q,) in reads."""

    week: date
    replicas: Replicas
    demand: Demand
    budget: Budget
    prices: Prices
    problem: Problem
    chosen: Flags
    saved: Float64

    @cached_property
    def held(self) -> Rows:
        """How many replicas on disk each dataset has then (n,)."""
        return self.problem.held(self.chosen)[0]

    @cached_property
    def stay(self) -> Rows:
        """How many of those it has now stay (n,)."""
        return self.problem.held(self.chosen & ~self.problem.is_copy)[0]


def plan(
    week: date,
    replicas: Replicas,
    demand: Demand,
    budget: Budget,
    prices: Prices,
    time_limit_s: float = TIME_LIMIT_S,
) -> Plan:
    """The plan for the week that begins on ``week``; of datasets that ``demand`` does not name nothing is expected.

    Lines are in order of what they save; what is kept comes last.

    Raises:
        PlacementError: the budget names an RSE that is not known.
    """
    matched = demand.of(replicas.names)
    problem = build(replicas, matched, budget, prices)
    solution = solve(problem, time_limit_s)
    facts = Chosen(week, replicas, matched, budget, prices, problem, solution.chosen, problem.marginal(solution.chosen))
    planned = sorted(lines(facts), key=lambda line: (line.action is Action.KEEP, -line.benefit, line.dataset, line.rse))
    return Plan(week, tuple(planned), tuple(refusals(facts)), solution.method, solution.value, solution.bound)


def lines(facts: Chosen) -> Iterator[Line]:
    """One for each replica on disk and each copy that is made."""
    problem, replicas = facts.problem, facts.replicas
    for row in np.flatnonzero(facts.chosen | ~problem.is_copy):
        net = float(facts.saved[row] - problem.cost[row])
        action, why = _action(facts, int(row))
        replica = int(problem.replica[row])
        yield Line(
            facts.week,
            action,
            replicas.names[problem.dataset[row]],
            replicas.rses[problem.rse[row]].name,
            round(problem.bytes[row]),
            -net if action is Action.DELETE else net,
            why,
            replicas.rule[replica] if replica >= 0 else "",
        )


def _action(facts: Chosen, row: int) -> tuple[Action, str]:
    problem = facts.problem
    dataset, saved, cost = problem.dataset[row], facts.saved[row], problem.cost[row]
    reads = _expected(facts, int(dataset))
    if problem.is_copy[row]:
        where = "on no disk" if facts.replicas.disk_copies[dataset] == 0 else f"not in {_region(facts, row)}"
        return (
            Action.COPY,
            f"{reads} and it is {where}: a copy saves {saved:.3g} reads a week at the price of {cost:.2g}",
        )
    if facts.chosen[row]:
        return Action.KEEP, _why_kept(facts, row)
    if saved <= cost:
        why = f"it saves {saved:.2g} reads at the price of {cost:.2g}"
    elif facts.held[dataset] >= problem.most[dataset]:
        why = "it has enough other replicas"
    else:
        why = "others save more in its room"
    return Action.DELETE, f"{reads}: {why}; {_left(facts, int(dataset))}"


def _why_kept(facts: Chosen, row: int) -> str:
    problem, replica = facts.problem, facts.problem.replica[row]
    if facts.replicas.locked[replica]:
        return "it is locked"
    if facts.replicas.last_copy[replica]:
        return "its dataset is on no tape"
    if problem.forced[row]:
        return "its size is not known"
    reads = _expected(facts, int(problem.dataset[row]))
    return f"{reads}: it saves {facts.saved[row]:.3g} reads at the price of {problem.cost[row]:.2g}"


def _expected(facts: Chosen, dataset: int) -> str:
    demand = facts.demand
    return f"{demand.reads[dataset]:.3g} reads are expected (popular with {demand.probability[dataset]:.0%})"


def _region(facts: Chosen, row: int) -> str:
    return str(facts.replicas.regions[facts.problem.region[row]])


def _left(facts: Chosen, dataset: int) -> str:
    """What remains of a dataset of which a replica is deleted."""
    disks = int(facts.stay[dataset])
    on_tape = "tape" if facts.replicas.archived[dataset] else ""
    return "left: " + " and ".join(word for word in (f"{disks} on disk" if disks else "", on_tape) if word)


def refusals(facts: Chosen) -> Iterator[Refusal]:
    """What was worth doing and is not done: deletions of what must stay, and first copies on disk."""
    problem, replicas = facts.problem, facts.replicas
    for row in np.flatnonzero(problem.forced & (facts.saved <= problem.cost) & (problem.cost > 0)):
        name, rse = replicas.names[problem.dataset[row]], replicas.rses[problem.rse[row]].name
        why = Why.LOCKED if replicas.locked[problem.replica[row]] else Why.LAST_COPY
        kept = (
            "it is locked" if why is Why.LOCKED else "it is the only safe replica of its dataset, which is on no tape"
        )
        price = f"it saves {facts.saved[row]:.2g} reads at the price of {problem.cost[row]:.2g}"
        yield Refusal(facts.week, Action.DELETE, name, rse, why, f"{price}, but {kept}")
    used = np.bincount(problem.rse[facts.chosen], problem.bytes[facts.chosen], len(problem.room))
    free = float(np.max((problem.room - used)[replicas.is_disk], initial=0.0))
    network = problem.network - float(problem.bytes[facts.chosen & problem.is_copy].sum())
    uncovered = np.flatnonzero((facts.held == 0) & (facts.demand.reads >= WORTH_TELLING))
    for dataset in uncovered[np.argsort(-facts.demand.reads[uncovered], kind="stable")]:
        why, reason = _why_no_copy(facts, int(dataset), free, network)
        full_reason = f"{_expected(facts, int(dataset))}, but {reason}"
        yield Refusal(facts.week, Action.COPY, replicas.names[dataset], "", why, full_reason)


def _why_no_copy(facts: Chosen, dataset: int, free: float, network: float) -> tuple[Why, str]:
    """``free`` bytes are free at the RSE with most room, ``network`` bytes can still be copied."""
    size = facts.replicas.size_bytes[dataset]
    price = facts.prices.of_copy(size)
    saved = facts.problem.anywhere[dataset] + facts.problem.local[dataset].max()
    never = [
        (not np.isfinite(size), Why.NO_SIZE, "its size is not known"),
        (
            saved <= price,
            Why.PRICE,
            f"a copy of {size / TB:.3g} TB saves {saved:.2g} reads a week at the price of {price:.2g}",
        ),
        (size > network, Why.NETWORK, f"of its {size / TB:.3g} TB the network has {network / TB:.3g} left"),
        (size > free, Why.ROOM, f"no disk has more than {free / TB:.3g} of its {size / TB:.3g} TB free"),
    ]
    cause = next(((why, reason) for holds, why, reason in never if holds), None)
    return cause or (Why.OTHERS, "others save more where it was offered")
