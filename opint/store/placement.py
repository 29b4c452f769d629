"""Placement plans by week, and what people decide about their lines; a plan that is made again replaces the first."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    String,
    Table,
    Text,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from opint.store.sql import columns_of
from opint.store.tables import LongName, Name, metadata, serial

placement_plan = Table(
    "placement_plan",
    metadata,
    Column("catalogue", Name, primary_key=True),
    Column("week", Name, primary_key=True, comment="first day of the week that is planned, ISO 8601"),
    Column("method", String, nullable=False),
    Column("value", Float, nullable=False, comment="reads saved, prices paid"),
    Column("bound", Float, nullable=True, comment="no plan saves more; null where not known"),
    Column("made_s", Float, nullable=False, index=True),
)

placement_line = Table(
    "placement_line",
    metadata,
    Column("catalogue", Name, primary_key=True),
    Column("week", Name, primary_key=True),
    Column("line", LongName, primary_key=True, comment="opint.placement.plan.Line.id"),
    Column("place", Integer, nullable=False, comment="in the plan, from 0"),
    Column("action", String, nullable=False, comment="copy or delete; of what is left out, what it would have been"),
    Column("dataset", String, nullable=False),
    Column("rse", String, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("benefit", Float, nullable=False, comment="reads saved, prices paid"),
    Column("reason", Text, nullable=False),
    Column("rule", String, nullable=False, comment="the Rucio rule that holds the replica; empty if not known"),
    Column("refused", String, nullable=False, comment="why it is left out; empty for what is planned"),
    Column("source", String, nullable=False, comment="planner or cache agent"),
    Column("cache", String, nullable=False, comment="whose agent it is; empty for the planner's lines"),
)

placement_decision = Table(
    "placement_decision",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("catalogue", String, nullable=False),
    Column("line", LongName, nullable=False, index=True),
    Column("decision", String, nullable=False, comment="accepted or rejected"),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_s", Float, nullable=False),
)

PLANNER, CACHE_AGENT = "planner", "cache agent"
"""Sources of lines."""
WITHDRAWN = "withdrawn by its trial"
"""Why a line of a cache's agent is left out."""

ROWS = 1000
"""Stored with one statement."""

Verdict = Literal["accepted", "rejected"]


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """The plan of a week; see :class:`opint.placement.plan.Plan`. ``made_s`` is set when it is stored."""

    catalogue: str
    week: Annotated[str, Field(description="its first day, ISO 8601")]
    method: str
    value: Annotated[float, Field(description="reads saved, prices paid")]
    bound: Annotated[float | None, Field(description="no plan saves more; null where not known")]
    made_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StoredLine:
    """Something to do, or left out if ``refused`` says why; see :class:`opint.placement.plan.Line`.

    The newest decision about it comes with it when it is read.
    """

    line: Annotated[str, Field(description="its id: the same in every plan of the week")]
    action: Annotated[str, Field(description="copy or delete")]
    dataset: str
    rse: str
    bytes: int
    benefit: Annotated[float, Field(description="reads saved, prices paid")]
    reason: str
    rule: str
    refused: Annotated[str, Field(description="why it is left out; empty for what is planned")]
    source: Annotated[str, Field(description="planner or cache agent")] = PLANNER
    cache: Annotated[str, Field(description="whose agent it is; empty for the planner's lines")] = ""
    decision: Annotated[str | None, Field(description="accepted or rejected; null if nobody has decided")] = None
    actor: str | None = None
    decision_reason: Annotated[str | None, Field(description="the reason that was given")] = None
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class PlanPage:
    """Lines of a plan in its order; ``next`` is the cursor of the following page, null at the end."""

    items: list[StoredLine]
    next: str | None


_PLANNED = [field.name for field in fields(StoredLine) if field.name in placement_line.c]


def keep(tx: Connection, plan: StoredPlan, lines: Sequence[StoredLine], now_s: float) -> None:
    """Store a plan in place of an earlier one of the same week; decisions stay, since lines keep their names.

    Lines of caches' agents stay too, but for those that the plan has itself.
    """
    key = {"catalogue": plan.catalogue, "week": plan.week}
    at, names = placement_line.c, {line.line for line in lines}
    agents = set(tx.scalars(select(at.line).filter_by(**key, source=CACHE_AGENT)))
    tx.execute(delete(placement_line).filter_by(**key).where(at.source == PLANNER))
    tx.execute(delete(placement_line).filter_by(**key).where(at.line.in_(agents & names)))
    tx.execute(delete(placement_plan).filter_by(**key))
    tx.execute(insert(placement_plan), asdict(plan) | {"made_s": now_s})
    _insert_lines(tx, key, lines, 0)


def keep_agent_lines(
    tx: Connection, catalogue: str, cache: str, lines: Sequence[StoredLine], week: str, now_s: float
) -> None:
    """Add what the agent of a cache would copy to the plan of a week, in place of what it wanted before.

    Where there is no plan of that week, one of these lines alone is made. The planner's own lines win over equal ones.
    """
    key = {"catalogue": catalogue, "week": week}
    at = placement_line.c
    tx.execute(delete(placement_line).where(at.catalogue == catalogue, at.cache == cache))
    there = set(tx.scalars(select(at.line).filter_by(**key)))
    new = [line for line in lines if line.line not in there]
    if new and tx.execute(select(placement_plan.c.week).filter_by(**key)).first() is None:
        value = sum(line.benefit for line in new)
        tx.execute(insert(placement_plan), asdict(StoredPlan(catalogue, week, CACHE_AGENT, value, None, now_s)))
    last = tx.scalar(select(func.max(at.place)).filter_by(**key))
    _insert_lines(tx, key, new, 0 if last is None else last + 1)


def withdraw_agent_line(tx: Connection, cache: str, dataset: str, reason: str) -> None:
    """Leave a cache's lines of a dataset out from now on, whatever was decided about them."""
    at = placement_line.c
    lines = update(placement_line).where(at.source == CACHE_AGENT, at.cache == cache, at.dataset == dataset)
    tx.execute(lines.values(refused=WITHDRAWN, reason=reason))


def _insert_lines(tx: Connection, key: Mapping[str, str], lines: Sequence[StoredLine], first_place: int) -> None:
    rows = [
        {**key, "place": place} | {name: getattr(line, name) for name in _PLANNED}
        for place, line in enumerate(lines, first_place)
    ]
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


def is_undecided(catalogue: str, week: str) -> ColumnElement[bool]:
    """What holds of planned lines of a week about which nobody has decided."""
    at, decision = placement_line.c, placement_decision.c
    decided = exists().where(decision.catalogue == at.catalogue, decision.line == at.line)
    return and_(at.catalogue == catalogue, at.week == week, at.refused == "", ~decided)


def accept_rest(tx: Connection, catalogue: str, week: str, actor: str, reason: str, now_s: float) -> int:
    """Accept all planned lines about which nobody has decided; how many these were."""
    at = placement_line.c
    values = {"decision": "accepted", "actor": actor, "reason": reason, "at_s": now_s}
    undecided = select(at.catalogue, at.line, *map(literal, values.values())).where(is_undecided(catalogue, week))
    accept = insert(placement_decision).from_select(["catalogue", "line", *values], undecided)
    return tx.execute(accept, execution_options={"preserve_rowcount": True}).rowcount


def forget(tx: Connection, before_s: float) -> None:
    """Delete plans made before; what people decided is kept, to be learned from."""
    at = placement_plan.c
    for row in tx.execute(select(at.catalogue, at.week).where(at.made_s < before_s)).all():
        for table in (placement_line, placement_plan):
            tx.execute(delete(table).filter_by(catalogue=row.catalogue, week=row.week))


def newest(tx: Connection) -> list[StoredPlan]:
    """The newest plan of each catalogue, the one made last first."""
    at = placement_plan.c
    last = select(at.catalogue, func.max(at.week).label("week")).group_by(at.catalogue).subquery()
    same_plan = and_(at.catalogue == last.c.catalogue, at.week == last.c.week)
    rows = tx.execute(
        select(*columns_of(placement_plan, StoredPlan)).join(last, same_plan).order_by(at.made_s.desc(), at.catalogue)
    )
    return [StoredPlan(*row) for row in rows]


def count_undecided(tx: Connection, plan: StoredPlan) -> int:
    """How many planned lines nobody has decided about."""
    open_lines = is_undecided(plan.catalogue, plan.week)
    return tx.scalar(select(func.count()).select_from(placement_line).where(open_lines)) or 0


def page(tx: Connection, plan: StoredPlan, *, which: str, limit: int, skip: int = 0) -> PlanPage:
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
        select(
            *(line[name] for name in _PLANNED),
            decision.c.decision,
            decision.c.actor,
            decision.c.reason.label("decision_reason"),
            decision.c.at_s,
        )
        .outerjoin(last, last.c.line == line.line)
        .outerjoin(decision, decision.c.id == last.c.id)
        .where(line.catalogue == plan.catalogue, line.week == plan.week)
    )
    kinds = {
        "planned": line.refused == "",
        "left-out": line.refused != "",
        "undecided": and_(line.refused == "", decision.c.decision.is_(None)),
        "accepted": and_(line.refused == "", decision.c.decision == "accepted"),
        "rejected": and_(line.refused == "", decision.c.decision == "rejected"),
    }
    rows = tx.execute(query.where(kinds[which]).order_by(line.place).offset(skip).limit(limit + 1)).all()
    items = [StoredLine(*row) for row in rows[:limit]]
    return PlanPage(items=items, next=str(skip + limit) if len(rows) > limit else None)
