"""A plan: the action for each replica with its reason, the actions left out with theirs, and both as a table."""

import hashlib
import math
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from opint.placement.sites import TB


class Action(StrEnum):
    """The action for a dataset at an RSE."""

    COPY = "copy"
    DELETE = "delete"
    KEEP = "keep"


class RefusalCause(StrEnum):
    """Why a worthwhile action is left out."""

    LOCKED = "locked"
    LAST_COPY = "last copy"
    NO_SIZE = "size not known"
    NETWORK = "network budget"
    ROOM = "no room"
    PRICE = "not worth its price"
    BETTER_USE = "others save more"


@dataclass(frozen=True, slots=True)
class Line:
    """One action in the week that begins on ``week``.

    ``benefit`` is in reads: savings less prices, compared with not doing it; it is negative for a deletion that makes
    room for others. ``rule`` is the Rucio rule that holds the replica, empty if unknown.
    """

    week: date
    action: Action
    dataset: str
    rse: str
    bytes: int
    benefit: float
    reason: str
    rule: str = ""

    @property
    def id(self) -> str:
        """Identifier of this action on this dataset, RSE and week, the same in every plan."""
        return _id(self.week, self.action, self.dataset, self.rse)

    def as_json(self) -> dict[str, Any]:
        """All fields and the id."""
        return {"id": self.id, **asdict(self), "week": self.week.isoformat()}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An action left out; ``rse`` is empty if it could have been any."""

    week: date
    action: Action
    dataset: str
    rse: str
    why: RefusalCause
    reason: str

    @property
    def id(self) -> str:
        """Identifier of the line that it would have been."""
        return _id(self.week, self.action, self.dataset, self.rse)

    def as_json(self) -> dict[str, Any]:
        """All fields and the id."""
        return {"id": self.id, **asdict(self), "week": self.week.isoformat()}


@dataclass(frozen=True, slots=True)
class Plan:
    """All actions in the week that begins on ``week``.

    It saves ``value`` reads after prices; no plan saves more than ``bound`` (infinite if unknown). ``method`` is that
    of the solver.
    """

    week: date
    lines: tuple[Line, ...]
    refusals: tuple[Refusal, ...]
    method: str
    value: float
    bound: float

    def bytes(self, action: Action) -> int:
        """Bytes of all lines with an action."""
        return sum(line.bytes for line in self.lines if line.action is action)

    def as_json(self) -> dict[str, Any]:
        """All fields; an unknown bound is null."""
        return {
            "week": self.week.isoformat(),
            "method": self.method,
            "value": self.value,
            "bound": self.bound if math.isfinite(self.bound) else None,
            "lines": [line.as_json() for line in self.lines],
            "refusals": [refusal.as_json() for refusal in self.refusals],
        }


def _id(week: date, *parts: str) -> str:
    text = "\n".join([week.isoformat(), *parts])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


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
