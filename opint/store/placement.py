"""Placement plans by week, and what people decide about their lines; a plan that is made again replaces the first."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, literal, select

from opint.store.tables import placement_decision, placement_line, placement_plan

ROWS = 1000
"""Stored with one statement."""

Verdict = Literal["accepted", "rejected"]


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """The plan of a week (its first day, ISO 8601); see :class:`opint.placement.plan.Plan`."""

    catalogue: str
    week: str
    method: str
    value: float
    bound: float | None


@dataclass(frozen=True, slots=True)
class StoredLine:
    """Something to do, or left out if ``refused`` says why; see :class:`opint.placement.plan.Line`."""

    line: str
    action: str
    dataset: str
    rse: str
    bytes: int
    benefit: float
    reason: str
    rule: str
    refused: str


def keep(tx: Connection, plan: StoredPlan, lines: Sequence[StoredLine], now_s: float) -> None:
    """Store a plan in place of an earlier one of the same week; decisions stay, since lines keep their names."""
    key = {"catalogue": plan.catalogue, "week": plan.week}
    for table in (placement_line, placement_plan):
        tx.execute(delete(table).filter_by(**key))
    tx.execute(insert(placement_plan), asdict(plan) | {"made_s": now_s})
    rows = [key | {"place": place} | asdict(line) for place, line in enumerate(lines)]
    for first in range(0, len(rows), ROWS):
        tx.execute(insert(placement_line), rows[first : first + ROWS])


def decide(tx: Connection, catalogue: str, line: str, verdict: Verdict, actor: str, reason: str, now_s: float) -> bool:
    """Store what ``actor`` decides about a planned line; False if there is none. Earlier decisions stay on record."""
    at = placement_line.c
    planned = exists().where(at.catalogue == catalogue, at.line == line, at.refused == "")
    if not tx.scalar(select(planned)):
        return False
    row = {"catalogue": catalogue, "line": line, "decision": verdict, "actor": actor, "reason": reason, "at_s": now_s}
    tx.execute(insert(placement_decision), row)
    return True


def undecided(catalogue: str, week: str) -> ColumnElement[bool]:
    """What holds of planned lines of a week about which nobody has decided."""
    at, decision = placement_line.c, placement_decision.c
    decided = exists().where(decision.catalogue == at.catalogue, decision.line == at.line)
    return and_(at.catalogue == catalogue, at.week == week, at.refused == "", ~decided)


def accept_rest(tx: Connection, catalogue: str, week: str, actor: str, reason: str, now_s: float) -> int:
    """Accept all planned lines about which nobody has decided; how many these were."""
    at = placement_line.c
    values = {"decision": "accepted", "actor": actor, "reason": reason, "at_s": now_s}
    rest = select(at.catalogue, at.line, *map(literal, values.values())).where(undecided(catalogue, week))
    accept = insert(placement_decision).from_select(["catalogue", "line", *values], rest)
    return tx.execute(accept, execution_options={"preserve_rowcount": True}).rowcount


def forget(tx: Connection, before_s: float) -> None:
    """Delete plans made before; what people decided is kept, to be learned from."""
    at = placement_plan.c
    for row in tx.execute(select(at.catalogue, at.week).where(at.made_s < before_s)).all():
        for table in (placement_line, placement_plan):
            tx.execute(delete(table).filter_by(catalogue=row.catalogue, week=row.week))
