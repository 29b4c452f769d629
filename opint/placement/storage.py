"""Storing plans, and turning accepted lines back into a plan."""

import math
from collections.abc import Iterable
from datetime import date

from opint.placement.plan import Action, Line, Plan
from opint.store import placement
from opint.store.engine import Store
from opint.store.placement import StoredLine, StoredPlan


def store_plan(store: Store, catalogue: str, plan: Plan, now_s: float) -> None:
    """Store the actions of a plan and those left out; kept replicas are not stored."""
    bound = plan.bound if math.isfinite(plan.bound) else None
    lines = [
        StoredLine(line.id, line.action, line.dataset, line.rse, line.bytes, line.benefit, line.reason, line.rule, "")
        for line in plan.lines
        if line.action is not Action.KEEP
    ]
    left_out = [
        StoredLine(line.id, line.action, line.dataset, line.rse, 0, 0.0, line.reason, "", line.why)
        for line in plan.refusals
    ]
    with store.begin() as tx:
        kept = StoredPlan(catalogue, plan.week.isoformat(), plan.method, plan.value, bound)
        placement.keep(tx, kept, [*lines, *left_out], now_s)


def plan_lines(week: str, lines: Iterable[StoredLine]) -> list[Line]:
    """Stored lines of a week as lines of a plan."""
    return [
        Line(
            date.fromisoformat(week),
            Action(line.action),
            line.dataset,
            line.rse,
            line.bytes,
            line.benefit,
            line.reason,
            line.rule,
        )
        for line in lines
    ]
