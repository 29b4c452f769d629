"""Plans go into the store, and accepted lines come out of it as requests to Rucio."""

import math
from collections.abc import Iterable
from datetime import date

from opint.placement.plan import Action, Line, Plan
from opint.store import placement
from opint.store.engine import Store
from opint.store.placement import StoredLine, StoredPlan


def keep_plan(store: Store, catalogue: str, plan: Plan, now_s: float) -> None:
    """Store what is to be done and what was left out; what is merely kept where it is, is not stored."""
    bound = plan.bound if math.isfinite(plan.bound) else None
    lines = [
        StoredLine(one.id, one.action, one.dataset, one.rse, one.bytes, one.benefit, one.reason, one.rule, "")
        for one in plan.lines
        if one.action is not Action.KEEP
    ]
    left_out = [
        StoredLine(one.id, one.action, one.dataset, one.rse, 0, 0.0, one.reason, "", one.why) for one in plan.refusals
    ]
    with store.begin() as tx:
        kept = StoredPlan(catalogue, plan.week.isoformat(), plan.method, plan.value, bound)
        placement.keep(tx, kept, [*lines, *left_out], now_s)


def as_lines(week: str, lines: Iterable[StoredLine]) -> list[Line]:
    """Stored lines of the week as they were planned."""
    return [
        Line(
            date.fromisoformat(week),
            Action(one.action),
            one.dataset,
            one.rse,
            one.bytes,
            one.benefit,
            one.reason,
            one.rule,
        )
        for one in lines
    ]
