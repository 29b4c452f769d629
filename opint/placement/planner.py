"""Making a plan, with the reason why each replica is copied, deleted or kept, and why other actions are left out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from opint.placement.decision import Budget, Prices
from opint.placement.demand import Demand
from opint.placement.plan import Action, Line, Plan, Refusal, RefusalCause
from opint.placement.problem import PlacementProblem, build
from opint.placement.replicas import Replicas
from opint.placement.sites import TB
from opint.placement.solve import TIME_LIMIT_S, solve
from streams.arrays import Float64, Indices, Mask

LEAST_REPORTED_READS = 1.0
"""Left-out copies with fewer expected reads are not reported."""


@dataclass(frozen=True, eq=False)
class PlanContext:
    """The input of a plan, the ``chosen`` options (q,), and the reads ``saved`` (q,) by each next to the others."""

    week: date
    replicas: Replicas
    demand: Demand
    budget: Budget
    prices: Prices
    problem: PlacementProblem
    chosen: Mask
    saved: Float64

    @cached_property
    def replica_counts(self) -> Indices:
        """Number of replicas on disk of each dataset after the plan (n,)."""
        return self.problem.replica_counts(self.chosen)[0]

    @cached_property
    def stay(self) -> Indices:
        """Number of present replicas on disk that stay (n,)."""
        return self.problem.replica_counts(self.chosen & ~self.problem.is_copy)[0]


def make_plan(
    week: date,
    replicas: Replicas,
    demand: Demand,
    budget: Budget,
    prices: Prices,
    time_limit_s: float = TIME_LIMIT_S,
) -> Plan:
    """The plan for the week that begins on ``week``; datasets that ``demand`` does not name have no expected reads.

    Lines are sorted by benefit; kept replicas come last.

    Raises:
        PlacementError: the budget names an unknown RSE.
    """
    matched = demand.of(replicas.names)
    problem = build(replicas, matched, budget, prices)
    solution = solve(problem, time_limit_s)
    context = PlanContext(
        week, replicas, matched, budget, prices, problem, solution.chosen, problem.marginal(solution.chosen)
    )
    planned = sorted(
        _lines(context), key=lambda line: (line.action is Action.KEEP, -line.benefit, line.dataset, line.rse)
    )
    return Plan(week, tuple(planned), tuple(_refusals(context)), solution.method, solution.value, solution.bound)


def _lines(context: PlanContext) -> Iterator[Line]:
    """One line for each replica on disk and each copy."""
    problem, replicas = context.problem, context.replicas
    for row in np.flatnonzero(context.chosen | ~problem.is_copy):
        net = float(context.saved[row] - problem.cost[row])
        action, why = _action(context, int(row))
        replica = int(problem.replica[row])
        yield Line(
            context.week,
            action,
            replicas.names[problem.dataset[row]],
            replicas.rses[problem.rse[row]].name,
            round(problem.bytes[row]),
            -net if action is Action.DELETE else net,
            why,
            replicas.rule[replica] if replica >= 0 else "",
        )


def _action(context: PlanContext, row: int) -> tuple[Action, str]:
    problem = context.problem
    dataset, saved, cost = problem.dataset[row], context.saved[row], problem.cost[row]
    reads = _expected_reads(context, int(dataset))
    if problem.is_copy[row]:
        region = context.replicas.regions[problem.region[row]]
        where = "on no disk" if context.replicas.disk_copies[dataset] == 0 else f"not in {region}"
        return (
            Action.COPY,
            f"{reads} and it is {where}: a copy saves {saved:.3g} reads a week at the price of {cost:.2g}",
        )
    if context.chosen[row]:
        return Action.KEEP, _why_kept(context, row)
    if saved <= cost:
        why = f"it saves {saved:.2g} reads at the price of {cost:.2g}"
    elif context.replica_counts[dataset] >= problem.most[dataset]:
        why = "it has enough other replicas"
    else:
        why = "others save more in its room"
    return Action.DELETE, f"{reads}: {why}; {_remaining(context, int(dataset))}"


def _why_kept(context: PlanContext, row: int) -> str:
    problem, replica = context.problem, context.problem.replica[row]
    if context.replicas.locked[replica]:
        return "it is locked"
    if context.replicas.last_copy[replica]:
        return "its dataset is on no tape"
    if problem.forced[row]:
        return "its size is not known"
    reads = _expected_reads(context, int(problem.dataset[row]))
    return f"{reads}: it saves {context.saved[row]:.3g} reads at the price of {problem.cost[row]:.2g}"


def _expected_reads(context: PlanContext, dataset: int) -> str:
    demand = context.demand
    return f"{demand.reads[dataset]:.3g} reads are expected (popular with {demand.probability[dataset]:.0%})"


def _remaining(context: PlanContext, dataset: int) -> str:
    """What remains of a dataset of which a replica is deleted."""
    disks = int(context.stay[dataset])
    on_tape = "tape" if context.replicas.archived[dataset] else ""
    return "left: " + " and ".join(word for word in (f"{disks} on disk" if disks else "", on_tape) if word)


def _refusals(context: PlanContext) -> Iterator[Refusal]:
    """Worthwhile actions that are left out: deletions of replicas that must stay, and first copies on disk."""
    problem, replicas = context.problem, context.replicas
    for row in np.flatnonzero(problem.forced & (context.saved <= problem.cost) & (problem.cost > 0)):
        name, rse = replicas.names[problem.dataset[row]], replicas.rses[problem.rse[row]].name
        why = RefusalCause.LOCKED if replicas.locked[problem.replica[row]] else RefusalCause.LAST_COPY
        obstacle = (
            "it is locked"
            if why is RefusalCause.LOCKED
            else "it is the only safe replica of its dataset, which is on no tape"
        )
        price = f"it saves {context.saved[row]:.2g} reads at the price of {problem.cost[row]:.2g}"
        yield Refusal(context.week, Action.DELETE, name, rse, why, f"{price}, but {obstacle}")
    used = np.bincount(problem.rse[context.chosen], problem.bytes[context.chosen], len(problem.room))
    free = float(np.max((problem.room - used)[replicas.is_disk], initial=0.0))
    network = problem.network - float(problem.bytes[context.chosen & problem.is_copy].sum())
    uncovered = np.flatnonzero((context.replica_counts == 0) & (context.demand.reads >= LEAST_REPORTED_READS))
    for dataset in uncovered[np.argsort(-context.demand.reads[uncovered], kind="stable")]:
        why, reason = _why_no_copy(context, int(dataset), free, network)
        full_reason = f"{_expected_reads(context, int(dataset))}, but {reason}"
        yield Refusal(context.week, Action.COPY, replicas.names[dataset], "", why, full_reason)


def _why_no_copy(context: PlanContext, dataset: int, free: float, network: float) -> tuple[RefusalCause, str]:
    """``free`` bytes are free at the RSE with most room, ``network`` bytes can still be copied."""
    size = context.replicas.size_bytes[dataset]
    price = context.prices.of_copy(size)
    saved = context.problem.anywhere[dataset] + context.problem.local[dataset].max()
    never = [
        (not np.isfinite(size), RefusalCause.NO_SIZE, "its size is not known"),
        (
            saved <= price,
            RefusalCause.PRICE,
            f"a copy of {size / TB:.3g} TB saves {saved:.2g} reads a week at the price of {price:.2g}",
        ),
        (size > network, RefusalCause.NETWORK, f"of its {size / TB:.3g} TB the network has {network / TB:.3g} left"),
        (size > free, RefusalCause.ROOM, f"no disk has more than {free / TB:.3g} of its {size / TB:.3g} TB free"),
    ]
    cause = next(((why, reason) for holds, why, reason in never if holds), None)
    return cause or (RefusalCause.BETTER_USE, "others save more where it was offered")
