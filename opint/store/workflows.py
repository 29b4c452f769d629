"""Failing workflows: tasks, the snapshots that operators were shown of them, and what was suggested about each."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from opint.store.tables import LongName, Name, metadata, serial
from streams.codecs.workflows.json import write_snapshot
from streams.workflows import WorkflowFailures

workflow_task = Table(
    "workflow_task",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("task", Name, nullable=False, unique=True),
    Column("workflow", Name, nullable=False, index=True),
    Column("first_s", Float, nullable=False, comment="time of its first snapshot"),
    Column("last_s", Float, nullable=False, index=True, comment="time of the newest report that it is in"),
    Column("snapshot_id", BigInteger, nullable=False, comment="the newest of workflow_snapshot; what follows is of it"),
    Column("campaign", Name, nullable=False, index=True),
    Column("priority", BigInteger, nullable=True),
    Column("deadline_s", Float, nullable=True),
    Column("lost_wall_s", Float, nullable=True, comment="wall time of the failed jobs; null where not told"),
    Column("failed_jobs", BigInteger, nullable=False),
    Column("bundle", LongName, nullable=False, index=True, comment="opint.actions.bundles.BundleKey"),
    Column("code", BigInteger, nullable=False, comment="of the bundle"),
    Column("site", Name, nullable=False, comment="of the bundle; empty: several"),
    Column("message_class", Integer, nullable=True, comment="of the bundle; null: no message"),
    Column("suggested", String, nullable=False, comment="action; empty where none is suggested"),
    Column("probability", Float, nullable=True, comment="of the suggested action"),
    Column("abstained", Boolean, nullable=False, comment="the probability is below what the declared precision needs"),
    Column("decision", String, nullable=False, comment="accepted, changed or rejected; empty: nobody has decided"),
    Column("decided_by", String, nullable=False),
    Column("decided_s", Float, nullable=True),
    Column("outcome", String, nullable=False, comment="succeeded or failed; empty where not known"),
    Column("outcome_s", Float, nullable=True),
)

workflow_snapshot = Table(
    "workflow_snapshot",
    metadata,
    Column("id", serial, primary_key=True, autoincrement=True),
    Column("task_id", serial, ForeignKey("workflow_task.id"), nullable=False, index=True),
    Column("digest", Name, nullable=False, index=True, comment="streams.workflows.WorkflowFailures.digest"),
    Column("time_s", Float, nullable=False),
    Column("last_s", Float, nullable=False, comment="time of the newest report that repeated it"),
    Column("repeats", Integer, nullable=False),
    Column("received_s", Float, nullable=False, index=True),
    Column("content", JSON, nullable=False, comment="streams.codecs.workflows.json.write_snapshot"),
)

workflow_suggestion = Table(
    "workflow_suggestion",
    metadata,
    Column("snapshot_id", serial, ForeignKey("workflow_snapshot.id"), primary_key=True),
    Column("predictor", Name, primary_key=True, comment="model, or rules beside a model"),
    Column("version", String, nullable=False),
    Column("content", JSON, nullable=False, comment="opint.actions.action.Suggestion"),
    Column("made_s", Float, nullable=False),
)

workflow_error = Table(
    "workflow_error",
    metadata,
    Column("task_id", serial, ForeignKey("workflow_task.id"), primary_key=True),
    Column("code", BigInteger, primary_key=True, index=True),
    Column("site", Name, primary_key=True, index=True),
    Column("site_good", Integer, primary_key=True, comment="1, 0, or -1 where not told"),
    Column("jobs", BigInteger, nullable=False),
)

workflow_class = Table(
    "workflow_class",
    metadata,
    Column("task_id", serial, ForeignKey("workflow_task.id"), primary_key=True),
    Column("number", Integer, primary_key=True, index=True, comment="of message_class"),
    Column("jobs", BigInteger, nullable=False),
)

ROWS = 500
"""Stored, or asked for, with one statement."""
MODEL, RULES = "model", "rules"


@dataclass(frozen=True, slots=True)
class StoredTask:
    """What is stored of a task before a report: its newest snapshot, and how it ended."""

    id: int
    snapshot_id: int
    digest: str
    time_s: float
    last_s: float
    outcome: str
    outcome_s: float | None


@dataclass(frozen=True, slots=True)
class MadeSuggestion:
    """What a predictor suggests; ``content`` as it is stored, ``action`` empty where nothing is suggested."""

    predictor: str
    version: str
    content: Mapping[str, Any]
    action: str
    probability: float | None
    abstained: bool


@dataclass(frozen=True, slots=True)
class JudgedSnapshot:
    """A snapshot with all that was made of it.

    ``bundle``, ``code``, ``site`` and ``message_class`` say in which way it fails; ``class_jobs`` are failed jobs by
    message class; the first of ``suggestions`` is the one shown.
    """

    failures: WorkflowFailures
    bundle: str
    code: int
    site: str
    message_class: int | None
    class_jobs: Mapping[int, int]
    suggestions: Sequence[MadeSuggestion]


def by_task(tx: Connection, tasks: Sequence[str]) -> dict[str, StoredTask]:
    """What is stored of these tasks, by name; the new ones are left out."""
    at, newest = workflow_task.c, workflow_snapshot.c
    query = select(
        at.task, at.id, at.snapshot_id, newest.digest, newest.time_s, at.last_s, at.outcome, at.outcome_s
    ).join(workflow_snapshot, newest.id == at.snapshot_id)
    stored: dict[str, StoredTask] = {}
    for first in range(0, len(tasks), ROWS):
        for row in tx.execute(query.where(at.task.in_(tasks[first : first + ROWS]))):
            stored[row.task] = StoredTask(*row[1:])
    return stored


def repeat(tx: Connection, tasks: Iterable[tuple[StoredTask, float]]) -> None:
    """Note that these tasks were reported again as they were, each at a time."""
    rows = [{"task_number": task.id, "snapshot_number": task.snapshot_id, "at": at_s} for task, at_s in tasks]
    if not rows:
        return
    tx.execute(
        update(workflow_task).where(workflow_task.c.id == bindparam("task_number")).values(last_s=bindparam("at")), rows
    )
    at = workflow_snapshot.c
    again = update(workflow_snapshot).where(at.id == bindparam("snapshot_number"))
    tx.execute(again.values(last_s=bindparam("at"), repeats=at.repeats + 1), rows)


def keep_late(tx: Connection, snapshots: Sequence[tuple[StoredTask, WorkflowFailures]], now_s: float) -> None:
    """Store snapshots that are older than the newest of their task: part of its history, unless they are in it."""
    if not snapshots:
        return
    at = workflow_snapshot.c
    stored = select(at.task_id, at.digest).where(at.digest.in_([failures.digest for _, failures in snapshots]))
    history = {(row.task_id, row.digest) for row in tx.execute(stored)}
    rows = [
        _snapshot_row(task.id, failures, now_s)
        for task, failures in snapshots
        if (task.id, failures.digest) not in history
    ]
    if rows:
        tx.execute(insert(workflow_snapshot), rows)


def keep(
    tx: Connection, snapshots: Sequence[JudgedSnapshot], before: Mapping[str, StoredTask], now_s: float
) -> list[int]:
    """Store snapshots as the newest of their tasks; ``before`` is what :func:`by_task` says. Numbers of the tasks.

    A task that had ended and fails again begins anew: nobody has decided about it.
    """
    if not snapshots:
        return []
    new = [_task_row(judged, now_s) for judged in snapshots if judged.failures.task not in before]
    numbers = {task: stored.id for task, stored in before.items()}
    if new:
        inserted = insert(workflow_task).returning(workflow_task.c.task, workflow_task.c.id)
        numbers |= {row.task: row.id for row in tx.execute(inserted, new)}
    task_ids = [numbers[judged.failures.task] for judged in snapshots]
    rows = [_snapshot_row(task_id, judged.failures, now_s) for task_id, judged in zip(task_ids, snapshots, strict=True)]
    inserted = insert(workflow_snapshot).returning(workflow_snapshot.c.id, sort_by_parameter_order=True)
    snapshot_ids = tx.scalars(inserted, rows).all()
    for judged, task_id, snapshot_id in zip(snapshots, task_ids, snapshot_ids, strict=True):
        changes = _newest(judged, now_s) | {"snapshot_id": snapshot_id}
        stored = before.get(judged.failures.task)
        if stored and stored.outcome_s is not None and judged.failures.time > stored.outcome_s:
            changes |= {"decision": "", "decided_by": "", "decided_s": None, "outcome": "", "outcome_s": None}
        tx.execute(update(workflow_task).where(workflow_task.c.id == task_id).values(**changes))
    _replace_parts(tx, snapshots, task_ids)
    suggested = [
        {
            "snapshot_id": snapshot_id,
            "predictor": suggestion.predictor,
            "version": suggestion.version,
            "content": suggestion.content,
            "made_s": now_s,
        }
        for judged, snapshot_id in zip(snapshots, snapshot_ids, strict=True)
        for suggestion in judged.suggestions
    ]
    if suggested:
        tx.execute(insert(workflow_suggestion), suggested)
    return task_ids


def marker(tx: Connection) -> int:
    """A number that moves when a new snapshot comes."""
    return tx.scalar(select(func.max(workflow_snapshot.c.id))) or 0


def contents(tx: Connection, snapshot_ids: Collection[int]) -> dict[int, tuple[str, Any]]:
    """Task and content of these snapshots, by number."""
    at = workflow_snapshot.c
    query = select(at.id, workflow_task.c.task, at.content).join(workflow_task, workflow_task.c.id == at.task_id)
    numbers, by_number = sorted(snapshot_ids), dict[int, tuple[str, Any]]()
    for first in range(0, len(numbers), ROWS):
        rows = tx.execute(query.where(at.id.in_(numbers[first : first + ROWS])))
        by_number |= {number: (task, content) for number, task, content in rows}
    return by_number


def _newest(judged: JudgedSnapshot, now_s: float) -> dict[str, Any]:
    failures, facts = judged.failures, judged.failures.facts
    first = judged.suggestions[0] if judged.suggestions else None
    return {
        # A clock ahead of ours must not make all other tasks look unreported.
        "last_s": min(failures.time, now_s),
        "campaign": facts.campaign,
        "priority": facts.priority,
        "deadline_s": facts.deadline,
        "lost_wall_s": facts.lost_wall_time,
        "failed_jobs": failures.failed_jobs,
        "bundle": judged.bundle,
        "code": judged.code,
        "site": judged.site,
        "message_class": judged.message_class,
        "suggested": first.action if first else "",
        "probability": first.probability if first else None,
        "abstained": first.abstained if first else False,
    }


def _task_row(judged: JudgedSnapshot, now_s: float) -> dict[str, Any]:
    failures = judged.failures
    undecided = {"decision": "", "decided_by": "", "outcome": ""}
    identity = {"task": failures.task, "workflow": failures.workflow, "first_s": failures.time, "snapshot_id": 0}
    return identity | undecided | _newest(judged, now_s)


def _snapshot_row(task_id: int, failures: WorkflowFailures, now_s: float) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "digest": failures.digest,
        "time_s": failures.time,
        "last_s": failures.time,
        "repeats": 0,
        "received_s": now_s,
        "content": write_snapshot(failures),
    }


def _replace_parts(tx: Connection, snapshots: Sequence[JudgedSnapshot], task_ids: Sequence[int]) -> None:
    """The matrix and the message classes of the newest snapshots, by which tasks are looked for."""
    for table in (workflow_error, workflow_class):
        tx.execute(
            delete(table).where(table.c.task_id == bindparam("task_number")),
            [{"task_number": number} for number in task_ids],
        )
    errors = [
        {
            "task_id": task_id,
            "code": error.code,
            "site": error.site,
            "site_good": -1 if error.site_good is None else int(error.site_good),
            "jobs": error.jobs,
        }
        for judged, task_id in zip(snapshots, task_ids, strict=True)
        for error in judged.failures.errors
    ]
    classes = [
        {"task_id": task_id, "number": number, "jobs": jobs}
        for judged, task_id in zip(snapshots, task_ids, strict=True)
        for number, jobs in judged.class_jobs.items()
    ]
    for table, rows in ((workflow_error, errors), (workflow_class, classes)):
        if rows:
            tx.execute(insert(table), rows)
