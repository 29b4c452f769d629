"""What an operator decides about a failing task, or about all tasks of a bundle; pages, API and commands share it."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from opint.actions.action import ActionsError, DecidedCase, RecoveryAction
from opint.actions.documents import action_content, action_of, snapshot_of, suggestion_of
from opint.store import workflow_decisions, workflow_pages
from opint.store.workflow_decisions import TaskDecision, Verdict
from opint.store.workflow_pages import TaskView

MOST_TASKS = 5000
"""Tasks of a bundle that one decision is about."""


class UnknownTaskError(ActionsError):
    """There is no such task."""


class ChangedTaskError(ActionsError):
    """A task is not any more as it was when the operator looked at it, or nothing is suggested about it."""


def decide(
    tx: Connection,
    task_id: int,
    snapshot_id: int,
    verdict: Verdict,
    action: RecoveryAction | None,
    actor: str,
    reason: str,
    now_s: float,
) -> None:
    """Decide about the snapshot of a task that the operator has looked at.

    ``action`` is that of ``changed``; what is ``accepted`` is the suggestion. Raises UnknownTaskError, and
    ChangedTaskError if the snapshot is not the newest or if there is nothing to be accepted.
    """
    view = task_or_error(tx, task_id)
    if view.snapshot_id != snapshot_id:
        raise ChangedTaskError(f"Task {view.task} has changed since you looked at it. Look again, then decide.")
    decided = _decisions(tx, [view], verdict, action)
    if not decided:
        raise ChangedTaskError(f"Nothing is suggested for task {view.task}: choose an action, or reject.")
    workflow_decisions.decide(tx, decided, "", actor, reason, now_s)


def decide_bundle(
    tx: Connection,
    bundle: str,
    last_snapshot_id: int,
    verdict: Verdict,
    action: RecoveryAction | None,
    actor: str,
    reason: str,
    open_s: float,
    now_s: float,
) -> int:
    """Decide alike about all open tasks of a bundle that nobody has decided about; how many these were.

    Tasks that have changed after snapshot ``last_snapshot_id``, the newest that the operator saw, are left out, and so
    are those without a suggestion where it is ``accepted``.
    """
    tasks = workflow_pages.in_bundle(tx, bundle, last_snapshot_id, open_s, MOST_TASKS)
    decided = _decisions(tx, tasks, verdict, action)
    workflow_decisions.decide(tx, decided, bundle, actor, reason, now_s)
    return len(decided)


def end(tx: Connection, task_id: int, succeeded: bool, actor: str, note: str, now_s: float) -> None:
    """Store how a task ended; raises UnknownTaskError."""
    workflow_decisions.end(tx, task_or_error(tx, task_id).id, succeeded, actor, note, now_s)


def task_or_error(tx: Connection, task_id: int) -> TaskView:
    """The task of this number; raises UnknownTaskError."""
    view = workflow_pages.task(tx, task_id)
    if view is None:
        raise UnknownTaskError(f"There is no task {task_id}.")
    return view


def _decisions(
    tx: Connection, tasks: Sequence[TaskView], verdict: Verdict, action: RecoveryAction | None
) -> list[TaskDecision]:
    if verdict == "rejected":
        return [TaskDecision(view.id, view.snapshot_id, verdict, None) for view in tasks]
    stored = workflow_pages.suggestions(tx, [view.snapshot_id for view in tasks])
    suggested = {number: suggestion_of(content) for number, (_, content) in stored.items()}
    decided = []
    for view in tasks:
        suggestion = suggested.get(view.snapshot_id)
        offered = None if suggestion is None or suggestion.refusal else suggestion.action
        if verdict == "accepted" and offered is None:
            continue
        chosen = offered if verdict == "accepted" else action
        assert chosen is not None  # noqa: S101 - what is changed comes with an action
        # Who chooses what was suggested has accepted it.
        kind: Verdict = "accepted" if chosen == offered else "changed"
        decided.append(TaskDecision(view.id, view.snapshot_id, kind, action_content(chosen)))
    return decided


def decided_cases(tx: Connection) -> Iterator[DecidedCase]:
    """The newest decision about each task for which an action was taken, with what came of it."""
    for view, content in workflow_decisions.accepted(tx, 0.0):
        yield DecidedCase(snapshot_of(view.task, content), action_of(view.action or {}), view.succeeded)
