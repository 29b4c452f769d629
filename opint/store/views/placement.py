"""Placement plans and what people decide, for reading."""

from pydantic import Field
from sqlalchemy import Connection, and_, func, select

from opint.store import placement
from opint.store.tables import placement_decision, placement_line, placement_plan
from opint.store.views.records import Record


class PlanView(Record):
    """The plan of a week."""

    catalogue: str
    week: str = Field(description="its first day, ISO 8601")
    method: str
    value: float = Field(description="reads saved, prices paid")
    bound: float | None = Field(description="no plan saves more; null where not known")
    made_s: float


class PlanLine(Record):
    """Something to do, or left out."""

    line: str = Field(description="its id: the same in every plan of the week")
    action: str = Field(description="copy or delete")
    dataset: str
    rse: str
    bytes: int
    benefit: float = Field(description="reads saved, prices paid")
    reason: str
    rule: str
    refused: str = Field(description="why it is left out; empty for what is planned")
    decision: str | None = Field(description="accepted or rejected; null if nobody has decided")
    actor: str | None
    said: str | None = Field(description="the reason that was given")
    at_s: float | None


class PlanPage(Record):
    """Lines of a plan in its order; ``next`` is the cursor of the following page, null at the end."""

    items: list[PlanLine]
    next: str | None


def newest(tx: Connection) -> list[PlanView]:
    """The newest plan of each catalogue, the one made last first."""
    at = placement_plan.c
    last = select(at.catalogue, func.max(at.week).label("week")).group_by(at.catalogue).subquery()
    same_plan = and_(at.catalogue == last.c.catalogue, at.week == last.c.week)
    rows = tx.execute(select(placement_plan).join(last, same_plan).order_by(at.made_s.desc(), at.catalogue))
    return [PlanView.model_validate(row) for row in rows]


def undecided(tx: Connection, plan: PlanView) -> int:
    """How many planned lines nobody has decided about."""
    open_lines = placement.undecided(plan.catalogue, plan.week)
    return tx.scalar(select(func.count()).select_from(placement_line).where(open_lines)) or 0


def page(tx: Connection, plan: PlanView, *, which: str, limit: int, skip: int = 0) -> PlanPage:
    """Lines of a plan with the newest decision about each.

    ``which`` is ``planned``, ``left-out``, ``undecided``, ``accepted`` or ``rejected``.
    """
    line, decision = placement_line.c, placement_decision
    last = (
        select(decision.c.line, func.max(decision.c.id).label("id"))
        .where(decision.c.catalogue == plan.catalogue)
        .group_by(decision.c.line)
        .subquery()
    )
    query = (
        select(placement_line, decision.c.decision, decision.c.actor, decision.c.reason.label("said"), decision.c.at_s)
        .outerjoin(last, last.c.line == line.line)
        .outerjoin(decision, decision.c.id == last.c.id)
        .where(line.catalogue == plan.catalogue, line.week == plan.week)
    )
    kinds = {
        "planned": line.refused == "",
        "left-out": line.refused != "",
        "undecided": and_(line.refused == "", decision.c.decision.is_(None)),
        "accepted": decision.c.decision == "accepted",
        "rejected": decision.c.decision == "rejected",
    }
    rows = tx.execute(query.where(kinds[which]).order_by(line.place).offset(skip).limit(limit + 1)).all()
    items = [PlanLine.model_validate(row) for row in rows[:limit]]
    return PlanPage(items=items, next=str(skip + limit) if len(rows) > limit else None)
