"""Failing workflows as pages show them: tasks by cost, bundles of tasks, a task with its history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import Field
from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, select

from opint.store.message_classes import message_class
from opint.store.sql import Record
from opint.store.workflow_decisions import DecisionView, of_task
from opint.store.workflows import (
    MODEL,
    workflow_class,
    workflow_error,
    workflow_snapshot,
    workflow_suggestion,
    workflow_task,
)

DAY_S = 86_400.0
URGENT_S = 2 * DAY_S
"""Tasks whose deadline is nearer than this come first."""
MOST_SNAPSHOTS = 60
"""Newest snapshots of a task that its page shows."""

Which = Literal["undecided", "decided", "open", "ended", "unreported"]
WHICH: tuple[Which, ...] = get_args(Which)


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks are asked for; what is empty or None does not restrict.

    ``which`` is ``open`` for all that still fail, ``undecided`` or ``decided`` for a part of these, ``ended`` for those
    whose outcome is known, ``unreported`` for those that no report holds any more although their outcome is not known.
    ``workflow`` is a part of the name.
    """

    which: Which = "open"
    workflow: str = ""
    campaign: str = ""
    code: int | None = None
    site: str = ""
    suggested: str = ""
    bundle: str = ""
    message_class: int | None = None


class TaskView(Record):
    """A failing task."""

    id: int
    task: str
    workflow: str
    first_s: float
    last_s: float
    snapshot_id: int
    campaign: str
    priority: int | None
    deadline_s: float | None
    lost_wall_s: float | None = Field(description="wall time of the failed jobs; null where not told")
    failed_jobs: int
    bundle: str
    code: int = Field(description="exit code of most failed jobs")
    site: str = Field(description="site of most of these; empty: several")
    message_class: int | None
    suggested: str = Field(description="action; empty where none is suggested")
    probability: float | None
    abstained: bool
    decision: str = Field(description="accepted, changed or rejected; empty: nobody has decided")
    decided_by: str
    decided_s: float | None
    outcome: str = Field(description="succeeded or failed; empty where not known")
    outcome_s: float | None


class TaskPage(Record):
    """Tasks, the most costly first; ``next`` is the cursor of the following page, null at the end."""

    items: list[TaskView]
    next: str | None


class BundleView(Record):
    """Tasks that fail in the same way at the same place."""

    bundle: str
    code: int
    site: str = Field(description="empty: several")
    message_class: int | None
    template: str | None = Field(description="of the message class; null: no message")
    tasks: int
    undecided: int
    failed_jobs: int
    lost_wall_s: float | None
    deadline_s: float | None = Field(description="the earliest")
    last_snapshot_id: int = Field(description="what has come later nobody has looked at")


class SnapshotView(Record):
    """A snapshot of a task; ``content`` as :mod:`streams.codecs.workflows.json` says."""

    id: int
    digest: str
    time_s: float
    last_s: float
    repeats: int
    content: dict[str, Any]


class TaskDetail(Record):
    """A task with its snapshots (newest first), what is suggested for the newest, and all decisions."""

    task: TaskView
    snapshots: list[SnapshotView]
    suggestion: dict[str, Any] | None = Field(description="opint.actions.action.Suggestion; null if none was made")
    model_version: str
    decisions: list[DecisionView]


class TaskCounts(Record):
    """How many tasks there are of each kind."""

    undecided: int
    decided: int
    unreported: int
    ended: int
    lost_wall_s: float = Field(description="of all open tasks")


def page(tx: Connection, chosen: TaskFilter, now_s: float, open_s: float, *, limit: int, skip: int = 0) -> TaskPage:
    """Tasks that fit, the most costly first; those in no report for ``open_s`` before the newest are not open."""
    query = select(workflow_task).where(*_conditions(tx, chosen, open_s))
    rows = tx.execute(query.order_by(*_by_cost(now_s)).offset(skip).limit(limit + 1)).all()
    items = [TaskView.model_validate(row) for row in rows[:limit]]
    return TaskPage(items=items, next=str(skip + limit) if len(rows) > limit else None)


def bundles(tx: Connection, chosen: TaskFilter, now_s: float, open_s: float, limit: int) -> list[BundleView]:
    """Bundles of the tasks that fit, the most costly first."""
    at = workflow_task.c
    lost, deadline, jobs = func.sum(at.lost_wall_s), func.min(at.deadline_s), func.sum(at.failed_jobs)
    query = (
        select(
            at.bundle,
            func.min(at.code).label("code"),
            func.min(at.site).label("site"),
            func.min(at.message_class).label("message_class"),
            func.count().label("tasks"),
            func.sum(case((at.decision == "", 1), else_=0)).label("undecided"),
            jobs.label("failed_jobs"),
            lost.label("lost_wall_s"),
            deadline.label("deadline_s"),
            func.max(at.snapshot_id).label("last_snapshot_id"),
        )
        .where(*_conditions(tx, chosen, open_s))
        .group_by(at.bundle)
        .order_by(*_cost_order(deadline, lost, jobs, now_s), at.bundle)
        .limit(limit)
    )
    rows = [row._asdict() for row in tx.execute(query)]
    templates = _templates(tx, [row["message_class"] for row in rows])
    return [BundleView(**row, template=templates.get(row["message_class"])) for row in rows]


def in_bundle(tx: Connection, bundle: str, last_snapshot_id: int, open_s: float, limit: int) -> list[TaskView]:
    """Open tasks of a bundle about which nobody has decided, as they were when ``last_snapshot_id`` was the newest."""
    conditions = _conditions(tx, TaskFilter("undecided", bundle=bundle), open_s)
    at = workflow_task.c
    query = select(workflow_task).where(*conditions, at.snapshot_id <= last_snapshot_id).order_by(at.id).limit(limit)
    return [TaskView.model_validate(row) for row in tx.execute(query)]


def task(tx: Connection, task_id: int) -> TaskView | None:
    """A task; None if there is none of this number."""
    row = tx.execute(select(workflow_task).where(workflow_task.c.id == task_id)).one_or_none()
    return None if row is None else TaskView.model_validate(row)


def number_of(tx: Connection, name: str) -> int | None:
    """The number of the task of this name; None if there is none."""
    number: int | None = tx.scalar(select(workflow_task.c.id).where(workflow_task.c.task == name))
    return number


def detail(tx: Connection, task_id: int) -> TaskDetail | None:
    """A task with its history; None if there is none of this number."""
    view = task(tx, task_id)
    if view is None:
        return None
    at = workflow_snapshot.c
    newest = select(workflow_snapshot).where(at.task_id == task_id).order_by(at.time_s.desc(), at.id.desc())
    suggested = suggestions(tx, [view.snapshot_id]).get(view.snapshot_id)
    return TaskDetail(
        task=view,
        snapshots=[SnapshotView.model_validate(row) for row in tx.execute(newest.limit(MOST_SNAPSHOTS))],
        suggestion=suggested[1] if suggested else None,
        model_version=suggested[0] if suggested else "",
        decisions=of_task(tx, task_id),
    )


def suggestions(tx: Connection, snapshot_ids: Sequence[int]) -> Mapping[int, tuple[str, dict[str, Any]]]:
    """Version and content of what was suggested for these snapshots, by number."""
    at = workflow_suggestion.c
    query = select(at.snapshot_id, at.version, at.content).where(at.predictor == MODEL)
    return {
        row.snapshot_id: (row.version, row.content) for row in tx.execute(query.where(at.snapshot_id.in_(snapshot_ids)))
    }


def counts(tx: Connection, open_s: float) -> TaskCounts:
    """How many tasks there are of each kind."""
    at = workflow_task.c
    since_s = _reported_since(tx, open_s)
    still = and_(at.outcome == "", at.last_s >= since_s)

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    query = select(
        number(and_(still, at.decision == "")).label("undecided"),
        number(and_(still, at.decision != "")).label("decided"),
        number(and_(at.outcome == "", at.last_s < since_s)).label("unreported"),
        number(at.outcome != "").label("ended"),
        func.coalesce(func.sum(case((still, at.lost_wall_s), else_=0.0)), 0.0).label("lost_wall_s"),
    )
    return TaskCounts.model_validate(tx.execute(query).one())


def campaigns(tx: Connection) -> list[str]:
    """Campaigns of all tasks, by name."""
    at = workflow_task.c
    return list(tx.scalars(select(at.campaign).where(at.campaign != "").distinct().order_by(at.campaign)))


def templates_of(tx: Connection, task_id: int) -> list[tuple[int, str, int]]:
    """Number, template and jobs of the message classes of a task, most jobs first."""
    at, text = workflow_class.c, message_class.c
    query = select(at.number, text.template, at.jobs).join(message_class, text.number == at.number)
    return [
        (number, template, jobs)
        for number, template, jobs in tx.execute(query.where(at.task_id == task_id).order_by(at.jobs.desc(), at.number))
    ]


def _templates(tx: Connection, numbers: Sequence[int | None]) -> dict[int | None, str]:
    at = message_class.c
    query = select(at.number, at.template).where(at.number.in_([number for number in numbers if number is not None]))
    return {row.number: row.template for row in tx.execute(query)}


def _reported_since(tx: Connection, open_s: float) -> float:
    return (tx.scalar(select(func.max(workflow_task.c.last_s))) or 0.0) - open_s


def _conditions(tx: Connection, chosen: TaskFilter, open_s: float) -> list[ColumnElement[bool]]:
    at = workflow_task.c
    since_s = _reported_since(tx, open_s)
    still = and_(at.outcome == "", at.last_s >= since_s)
    kinds: dict[Which, ColumnElement[bool]] = {
        "open": still,
        "undecided": and_(still, at.decision == ""),
        "decided": and_(still, at.decision != ""),
        "ended": at.outcome != "",
        "unreported": and_(at.outcome == "", at.last_s < since_s),
    }
    conditions = [kinds[chosen.which]]
    for column, value in ((at.campaign, chosen.campaign), (at.suggested, chosen.suggested), (at.bundle, chosen.bundle)):
        if value:
            conditions.append(column == value)
    if chosen.workflow:
        conditions.append(at.task.contains(chosen.workflow, autoescape=True))
    if chosen.code is not None or chosen.site:
        error = workflow_error.c
        place = [error.task_id == at.id]
        place += [error.code == chosen.code] if chosen.code is not None else []
        place += [error.site == chosen.site] if chosen.site else []
        conditions.append(exists().where(*place))
    if chosen.message_class is not None:
        classes = workflow_class.c
        conditions.append(exists().where(classes.task_id == at.id, classes.number == chosen.message_class))
    return conditions


def _by_cost(now_s: float) -> list[ColumnElement[Any]]:
    at = workflow_task.c
    return [*_cost_order(at.deadline_s, at.lost_wall_s, at.failed_jobs, now_s), at.id]


def _cost_order(
    deadline_s: ColumnElement[Any], lost_wall_s: ColumnElement[Any], failed_jobs: ColumnElement[Any], now_s: float
) -> list[ColumnElement[Any]]:
    """What has a near deadline comes first, then what has lost most wall time, then what has lost most jobs."""
    urgent = case((deadline_s < now_s + URGENT_S, 0), else_=1)
    return [urgent, func.coalesce(lost_wall_s, -1.0).desc(), failed_jobs.desc()]
