"""What operators decide about failing tasks, and how these ended."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Row,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from opint.store.sql import Record
from opint.store.tables import LongName, metadata, serial
from opint.store.workflows import (
    MODEL,
    RULES,
    workflow_class,
    workflow_error,
    workflow_snapshot,
    workflow_suggestion,
    workflow_task,
)

workflow_decision = Table(
    "workflow_decision",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("task_id", serial, ForeignKey("workflow_task.id"), nullable=False, index=True),
    Column("snapshot_id", serial, ForeignKey("workflow_snapshot.id"), nullable=False, comment="what was looked at"),
    Column("decision", String, nullable=False, comment="accepted, changed or rejected"),
    Column(
        "action",
        JSON(none_as_null=True),
        nullable=True,
        comment="opint.actions.action.RecoveryAction; null: nothing is done",
    ),
    Column("bundle", LongName, nullable=False, comment="decided with the others of this bundle; empty: alone"),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_s", Float, nullable=False, index=True),
)

workflow_outcome = Table(
    "workflow_outcome",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("task_id", serial, ForeignKey("workflow_task.id"), nullable=False, index=True),
    Column("decision_id", serial, ForeignKey("workflow_decision.id"), nullable=True, index=True),
    Column("succeeded", Boolean, nullable=False),
    Column("actor", String, nullable=False, comment="who says so; nightshift for the producer of the reports"),
    Column("note", Text, nullable=False),
    Column("at_s", Float, nullable=False),
)

Verdict = Literal["accepted", "changed", "rejected"]


@dataclass(frozen=True, slots=True)
class TaskDecision:
    """A decision about the snapshot of a task; ``action`` is None where nothing is to be done."""

    task_id: int
    snapshot_id: int
    verdict: Verdict
    action: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class DecidedSuggestion:
    """What was decided at ``at_s``, and the contents of what model and rules had suggested (None: nothing stored)."""

    at_s: float
    decision: str
    action: Mapping[str, Any] | None
    model: Mapping[str, Any] | None
    rules: Mapping[str, Any] | None


class DecisionView(Record):
    """A decision, and how it ended."""

    id: int
    task: str
    snapshot_id: int
    decision: str
    action: dict[str, Any] | None
    bundle: str
    actor: str
    reason: str
    at_s: float
    succeeded: bool | None


def decide(
    tx: Connection, decisions: Sequence[TaskDecision], bundle: str, actor: str, reason: str, now_s: float
) -> None:
    """Store decisions of ``actor``; earlier ones stay on record."""
    if not decisions:
        return
    common = {"bundle": bundle, "actor": actor, "reason": reason, "at_s": now_s}
    rows = [
        common
        | {
            "task_id": decision.task_id,
            "snapshot_id": decision.snapshot_id,
            "decision": decision.verdict,
            "action": decision.action,
        }
        for decision in decisions
    ]
    tx.execute(insert(workflow_decision), rows)
    at = workflow_task.c
    changes = {"decision": bindparam("verdict"), "decided_by": actor, "decided_s": now_s}
    tx.execute(
        update(workflow_task).where(at.id == bindparam("task_number")).values(**changes),
        [{"task_number": decision.task_id, "verdict": decision.verdict} for decision in decisions],
    )


def end(tx: Connection, task_id: int, succeeded: bool, actor: str, note: str, at_s: float) -> None:
    """Store how a task ended, which is the outcome of the newest decision about it; what was stored before stays."""
    at = workflow_decision.c
    newest = select(func.max(at.id)).where(at.task_id == task_id).scalar_subquery()
    row = {"task_id": task_id, "succeeded": succeeded, "actor": actor, "note": note, "at_s": at_s}
    tx.execute(insert(workflow_outcome).values(decision_id=newest, **row))
    ended = {"outcome": "succeeded" if succeeded else "failed", "outcome_s": at_s}
    tx.execute(update(workflow_task).where(workflow_task.c.id == task_id).values(**ended))


def of_task(tx: Connection, task_id: int) -> list[DecisionView]:
    """The decisions about a task, the newest first."""
    return [_view(row) for row in tx.execute(_decisions().where(workflow_decision.c.task_id == task_id))]


def accepted(tx: Connection, since_s: float, bundle: str | None = None) -> Iterator[tuple[DecisionView, Any]]:
    """Decisions to do something since then, the newest of each task, with the content of their snapshots."""
    at = workflow_decision.c
    newest = select(func.max(at.id)).group_by(at.task_id)
    query = _decisions(workflow_snapshot.c.content).where(at.id.in_(newest), at.at_s >= since_s)
    if bundle is not None:
        query = query.where(at.bundle == bundle)
    for row in tx.execute(query):
        if row.action is not None:
            yield _view(row), row.content


def with_suggestions(tx: Connection, since_s: float) -> list[DecidedSuggestion]:
    """Decisions since then, the newest of each snapshot, oldest first."""
    at = workflow_decision.c
    model, rules = workflow_suggestion.alias(), workflow_suggestion.alias()
    newest = select(func.max(at.id)).group_by(at.snapshot_id)
    query = (
        select(at.at_s, at.decision, at.action, model.c.content.label("model"), rules.c.content.label("rules"))
        .outerjoin(model, (model.c.snapshot_id == at.snapshot_id) & (model.c.predictor == MODEL))
        .outerjoin(rules, (rules.c.snapshot_id == at.snapshot_id) & (rules.c.predictor == RULES))
        .where(at.id.in_(newest), at.at_s >= since_s)
    )
    return [DecidedSuggestion(*row) for row in tx.execute(query.order_by(at.at_s, at.id))]


def forget(tx: Connection, before_s: float) -> None:
    """Delete snapshots that came before, and tasks that were reported last before; what people decided about stays."""
    at, task = workflow_snapshot.c, workflow_task.c
    decided = select(workflow_decision.c.task_id)
    old_tasks = select(task.id).where(task.last_s < before_s, task.id.not_in(decided))
    old_snapshots = select(at.id).where(
        or_(at.task_id.in_(old_tasks), at.received_s < before_s),
        or_(at.task_id.in_(old_tasks), at.id.not_in(select(task.snapshot_id))),
        at.id.not_in(select(workflow_decision.c.snapshot_id)),
    )
    tx.execute(delete(workflow_suggestion).where(workflow_suggestion.c.snapshot_id.in_(old_snapshots)))
    tx.execute(delete(workflow_snapshot).where(at.id.in_(old_snapshots)))
    for table in (workflow_outcome, workflow_error, workflow_class):
        tx.execute(delete(table).where(table.c.task_id.in_(old_tasks)))
    tx.execute(delete(workflow_task).where(task.id.in_(old_tasks)))


def marker(tx: Connection) -> int:
    """A number that moves when somebody decides, and when the end of a task becomes known."""
    newest = (tx.scalar(select(func.max(table.c.id))) or 0 for table in (workflow_decision, workflow_outcome))
    return sum(newest)


def _decisions(*more: Column[Any]) -> Any:
    at, end_at = workflow_decision.c, workflow_outcome.c
    newest_end = select(func.max(end_at.id)).where(end_at.decision_id == at.id).correlate(workflow_decision)
    return (
        select(workflow_decision, workflow_task.c.task, end_at.succeeded, *more)
        .join(workflow_task, workflow_task.c.id == at.task_id)
        .join(workflow_snapshot, workflow_snapshot.c.id == at.snapshot_id)
        .outerjoin(workflow_outcome, end_at.id == newest_end.scalar_subquery())
        .order_by(at.id.desc())
    )


def _view(row: Row[Any]) -> DecisionView:
    return DecisionView.model_validate(row)
