"""Failing workflows in the JSON API."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from conf.settings import Settings
from opint.actions.action import RecoveryAction
from opint.actions.documents import action_of, handed_out, snapshot_of
from opint.actions.weekly import WEEK_S, Target, WeekScore, scoreboard
from opint.dashboard import workflow_actions
from opint.dashboard.actions import MOST_ACTOR, MOST_TEXT
from opint.dashboard.api import NOT_FOUND, REFUSED, UNAVAILABLE, Cursor, Limit, Number, or_404, require_token
from opint.dashboard.identity import actor_of, require_role
from opint.dashboard.workflow_actions import DECIDING, FilterQuery
from opint.store import message_classes, workflow_decisions, workflow_pages
from opint.store.engine import Store
from opint.store.message_classes import MessageClassView
from opint.store.workflow_decisions import Verdict
from opint.store.workflow_pages import BundleView, TaskDetail, TaskPage

TAGS = ["workflows"]


class DecisionRequest(BaseModel):
    """Who decides, and why; a rejection needs a reason."""

    actor: str = Field("", max_length=MOST_ACTOR, description="not needed where people sign in")
    reason: str = Field("", max_length=MOST_TEXT)


class ActionChoice(DecisionRequest):
    """The same with what is done instead of what is suggested."""

    action: RecoveryAction | None = Field(None, description="of `changed`; else ignored")


class BundleChoice(ActionChoice):
    """The same about all undecided tasks of a bundle."""

    bundle: str = Field(max_length=1200, description="as the list of bundles calls it")
    last_snapshot_id: int = Field(ge=0, le=2**53, description="of the bundle as it was looked at")


class DecidedTasks(BaseModel):
    """What came of it."""

    tasks: int = Field(description="how many tasks were decided about by this")


def add_routes(routes: APIRouter, store: Store, settings: Settings, clock: Callable[[], float]) -> None:
    """All routes below /api/v1/workflows."""
    _add_lists(routes, store, settings, clock)
    _add_accepted(routes, store)
    _add_decisions(routes, store, settings, clock)

    @routes.get("/api/v1/workflows/{task_id}", tags=[*TAGS], responses=NOT_FOUND | UNAVAILABLE)
    def get_task(task_id: Number) -> TaskDetail:
        """A task with its snapshots, what is suggested for the newest, and all decisions."""
        with store.read() as tx:
            return or_404(workflow_pages.detail(tx, task_id), f"There is no task {task_id}.")


def _add_lists(routes: APIRouter, store: Store, settings: Settings, clock: Callable[[], float]) -> None:
    open_s = workflow_actions.open_s(settings)

    @routes.get("/api/v1/workflows", tags=[*TAGS], responses=UNAVAILABLE)
    def list_tasks(chosen: FilterQuery, limit: Limit = 50, cursor: Cursor = None) -> TaskPage:
        """Failing tasks: deadlines within two days first, then by lost wall time."""
        with store.read() as tx:
            return workflow_pages.page(tx, chosen, clock(), open_s, limit=limit, skip=int(cursor or 0))

    @routes.get("/api/v1/workflows/bundles", tags=[*TAGS], responses=UNAVAILABLE)
    def list_bundles(chosen: FilterQuery, limit: Limit = 50) -> list[BundleView]:
        """Tasks that fail in the same way at the same place, in the same order."""
        with store.read() as tx:
            return workflow_pages.bundles(tx, chosen, clock(), open_s, limit)

    @routes.get("/api/v1/workflows/messages", tags=[*TAGS], responses=UNAVAILABLE)
    def list_message_classes(limit: Limit = 200) -> list[MessageClassView]:
        """Classes of error messages, the one of most jobs first."""
        with store.read() as tx:
            return message_classes.most_frequent(tx, limit)

    @routes.get("/api/v1/workflows/scoreboard", tags=[*TAGS], responses=UNAVAILABLE)
    def get_scoreboard(weeks: Annotated[int, Query(ge=1, le=520)] = 12, target: Target = "action") -> list[WeekScore]:
        """How often suggestions were what operators did, by week, beside the rules and the commonest decision."""
        with store.read() as tx:
            return scoreboard(workflow_decisions.with_suggestions(tx, clock() - weeks * WEEK_S), target)


def _add_accepted(routes: APIRouter, store: Store) -> None:
    @routes.get("/api/v1/workflows/accepted", tags=[*TAGS], responses=UNAVAILABLE)
    def get_accepted(
        response: Response,
        since_s: Annotated[float, Query(ge=0, description="only what was decided since then, s since 1970")] = 0.0,
        bundle: Annotated[str | None, Query(max_length=1200, description="only what was decided with it")] = None,
    ) -> dict[str, Any]:
        """Tasks about which an action was accepted or chosen, in the form of AIErrorHandling. Nothing is sent."""
        response.headers["Content-Disposition"] = 'attachment; filename="actions.json"'
        with store.read() as tx:
            return handed_out(
                (snapshot_of(view.task, content), action_of(view.action or {}))
                for view, content in workflow_decisions.accepted(tx, since_s, bundle)
            )


def _add_decisions(routes: APIRouter, store: Store, settings: Settings, clock: Callable[[], float]) -> None:
    changing: dict[str, Any] = {"tags": [*TAGS], "responses": REFUSED | UNAVAILABLE}
    changing["dependencies"] = [Depends(require_token)]

    @routes.post("/api/v1/workflows/bundle/{verdict}", **changing)
    def decide_bundle(request: Request, verdict: Verdict, choice: BundleChoice) -> DecidedTasks:
        """Decide alike about all tasks of a bundle that nobody has decided about."""
        require_role(request, DECIDING)
        action = workflow_actions.sent_action(verdict, choice.action)
        words = {"actor": actor_of(request, choice.actor), "reason": choice.reason}
        decided = workflow_actions.decide_bundle(
            store, settings, clock, choice.bundle, choice.last_snapshot_id, verdict, action, words
        )
        return DecidedTasks(tasks=decided)

    @routes.post("/api/v1/workflows/{task_id}/ended/{outcome}", status_code=204, **changing)
    def end_task(
        request: Request, task_id: Number, outcome: workflow_actions.Outcome, judgement: DecisionRequest
    ) -> None:
        """Say how a task ended, which is the outcome of the newest decision about it."""
        require_role(request, DECIDING)
        words = {"actor": actor_of(request, judgement.actor), "reason": judgement.reason}
        workflow_actions.end(store, clock, task_id, outcome, words)

    @routes.post("/api/v1/workflows/{task_id}/{snapshot_id}/{verdict}", status_code=204, **changing)
    def decide_task(
        request: Request, task_id: Number, snapshot_id: Number, verdict: Verdict, choice: ActionChoice
    ) -> None:
        """Accept what is suggested about a snapshot, change it, or reject it; decisions are kept."""
        require_role(request, DECIDING)
        action = workflow_actions.sent_action(verdict, choice.action)
        words = {"actor": actor_of(request, choice.actor), "reason": choice.reason}
        workflow_actions.decide(store, clock, task_id, snapshot_id, verdict, action, words)
