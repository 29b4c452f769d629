"""What an operator does about failing tasks; pages and the JSON API share it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import Depends, HTTPException, Query

from conf.settings import Settings
from opint.accounts.roles import Role
from opint.actions import deciding
from opint.actions.action import ActionsError, RecoveryAction
from opint.actions.deciding import ChangedTaskError, UnknownTaskError
from opint.actions.documents import action_content, action_of, typed_action
from opint.dashboard.actions import checked_texts
from opint.store.engine import Store
from opint.store.workflow_decisions import Verdict
from opint.store.workflow_pages import TaskFilter, Which

DECIDING = Role.EXPERT
"""The lowest role that may decide about failing tasks, where people sign in."""
HOUR_S = 3600.0
EMULATED = "emulated_"
"""What the names of emulated workflows begin with."""

Outcome = Literal["succeeded", "failed"]
Short = Annotated[str, Query(max_length=600)]


def task_filter(
    which: Annotated[Which, Query(description="which tasks")] = "undecided",
    workflow: Annotated[str, Query(max_length=600, description="a part of the task's name")] = "",
    campaign: Short = "",
    code: Annotated[
        str, Query(pattern="^(-?[0-9]{1,10})?$", description="an exit code of any of its failed jobs")
    ] = "",
    site: Annotated[str, Query(max_length=600, description="a site at which any of its jobs failed")] = "",
    suggested: Annotated[str, Query(max_length=40, description="the suggested action")] = "",
    bundle: Annotated[str, Query(max_length=1200, description="as the list of bundles calls it")] = "",
    message_class: Annotated[str, Query(alias="class", pattern="^[0-9]{0,9}$", description="a message class")] = "",
) -> TaskFilter:
    """The filter of a query; empty fields do not restrict."""
    return TaskFilter(
        which,
        workflow.strip(),
        campaign,
        int(code) if code else None,
        site.strip(),
        suggested,
        bundle,
        int(message_class) if message_class else None,
    )


FilterQuery = Annotated[TaskFilter, Depends(task_filter)]


def query_of(chosen: TaskFilter) -> dict[str, Any]:
    """The fields of a query that give this filter."""
    fields = {"class" if name == "message_class" else name: value for name, value in asdict(chosen).items()}
    return {name: value for name, value in fields.items() if value not in ("", None)}


def open_s(settings: Settings) -> float:
    """Seconds behind the newest report after which a task that is in none counts as open no longer."""
    return settings.actions.unreported_hours * HOUR_S


def is_emulated(workflow: str) -> bool:
    """Whether a workflow comes from the emulation and from no grid."""
    return workflow.startswith(EMULATED)


def sent_action(verdict: Verdict, action: RecoveryAction | None) -> RecoveryAction | None:
    """The action that a program sends with ``changed``; raises as :func:`action_in`."""
    if verdict != "changed":
        return None
    if action is None:
        raise HTTPException(422, "action is missing: what is done instead has to be sent with it.")
    with _refused():
        return action_of(action_content(action))


def action_in(verdict: Verdict, form: Mapping[str, str]) -> RecoveryAction | None:
    """The action that a form of ``changed`` holds; raises HTTPException 422 naming the field that is wrong."""
    if verdict != "changed":
        return None
    with _refused():
        return typed_action(form)


def decide(
    store: Store,
    clock: Callable[[], float],
    task_id: int,
    snapshot_id: int,
    verdict: Verdict,
    action: RecoveryAction | None,
    form: Mapping[str, str],
) -> None:
    """Decide about a task; ``form`` has ``actor`` and ``reason``.

    Raises HTTPException: 404 for an unknown task, 409 for one that has changed, 422 for words that cannot be stored.
    """
    actor, reason = _words(verdict, form)
    with _refused(), store.begin() as tx:
        deciding.decide(tx, task_id, snapshot_id, verdict, action, actor, reason, clock())


def decide_bundle(
    store: Store,
    settings: Settings,
    clock: Callable[[], float],
    bundle: str,
    last_snapshot_id: int,
    verdict: Verdict,
    action: RecoveryAction | None,
    form: Mapping[str, str],
) -> int:
    """Decide about the undecided tasks of a bundle; how many they were. Raises as :func:`decide`."""
    actor, reason = _words(verdict, form)
    with _refused(), store.begin() as tx:
        return deciding.decide_bundle(
            tx, bundle, last_snapshot_id, verdict, action, actor, reason, open_s(settings), clock()
        )


def end(store: Store, clock: Callable[[], float], task_id: int, outcome: Outcome, form: Mapping[str, str]) -> None:
    """Store how a task ended. Raises as :func:`decide`."""
    actor, note = checked_texts(form.get("actor", ""), form.get("reason", ""), "The reason", required=False)
    with _refused(), store.begin() as tx:
        deciding.end(tx, task_id, outcome == "succeeded", actor, note, clock())


def _words(verdict: Verdict, form: Mapping[str, str]) -> tuple[str, str]:
    required = verdict == "rejected"
    return checked_texts(form.get("actor", ""), form.get("reason", ""), "The reason", required=required)


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except UnknownTaskError as error:
        raise HTTPException(404, str(error)) from error
    except ChangedTaskError as error:
        raise HTTPException(409, str(error)) from error
    except ActionsError as error:
        raise HTTPException(422, str(error)) from error
