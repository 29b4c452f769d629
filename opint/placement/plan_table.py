"""A plan as a table in a terminal: what would be done, and what would not."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from opint.placement.plan import Action, Plan
from opint.placement.sites import TB

STYLES = {Action.COPY: "green", Action.DELETE: "red", Action.KEEP: "dim"}


def plan_rows(plan: Plan, keeps: bool = False) -> list[dict[str, Any]]:
    """Lines and refusals as plain rows; kept replicas only with ``keeps``."""
    planned = [
        {
            "id": line.id,
            "action": str(line.action),
            "dataset": line.dataset,
            "rse": line.rse,
            "tb": line.bytes / TB,
            "benefit_reads": line.benefit,
            "reason": line.reason,
        }
        for line in plan.lines
        if keeps or line.action is not Action.KEEP
    ]
    return planned + [
        {
            "id": refusal.id,
            "action": f"no {refusal.action}",
            "dataset": refusal.dataset,
            "rse": refusal.rse,
            "tb": None,
            "benefit_reads": None,
            "reason": f"{refusal.why}: {refusal.reason}",
        }
        for refusal in plan.refusals
    ]


def dry_run(plan: Plan, keeps: bool = False) -> RenderableType:
    """The rows and their summary."""
    shown = Table(title=f"Placement plan for the week of {plan.week.isoformat()}", box=None, padding=(0, 1, 0, 0))
    for name in ("action", "TB", "reads"):
        shown.add_column(name, justify="left" if name == "action" else "right", no_wrap=True)
    shown.add_column("dataset @ RSE, and why", overflow="fold")
    for row in plan_rows(plan, keeps):
        style = STYLES.get(row["action"], "yellow")
        tb, reads = ("" if row[name] is None else f"{row[name]:.3g}" for name in ("tb", "benefit_reads"))
        where = f"{row['dataset']} @ {row['rse']}" if row["rse"] else row["dataset"]
        shown.add_row(Text(row["action"], style), tb, reads, Text(where, style).append(f"\n{row['reason']}", "default"))
    return Group(shown, plan_summary(plan))


def plan_summary(plan: Plan) -> str:
    """The totals of a plan in one sentence."""
    copied, deleted = (plan.bytes(action) / TB for action in (Action.COPY, Action.DELETE))
    most = (
        f"at most {plan.bound:,.0f} are possible" if plan.bound < float("inf") else "how many are possible is not known"
    )
    return (
        f"{copied:,.4g} TB to copy, {deleted:,.4g} TB to delete, {len(plan.refusals)} left out; "
        f"saves {plan.value:,.0f} reads, prices paid ({plan.method}; {most})"
    )
