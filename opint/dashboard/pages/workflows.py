"""Failing workflows: the list by cost, bundles that fail alike, what is suggested and decided, and each task."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from starlette.responses import HTMLResponse

from conf.settings import Settings
from opint.actions.action import ACTIONS, TARGETS, RecoveryAction
from opint.actions.documents import action_of, snapshot_of, suggestion_of
from opint.actions.heat_map import HeatMap, heat_map
from opint.actions.weekly import WEEK_S, Target, scoreboard
from opint.dashboard import workflow_actions
from opint.dashboard.api import Cursor, Number, or_404
from opint.dashboard.identity import require_role
from opint.dashboard.pages import workflow_api
from opint.dashboard.render import Renderer, form_fields, own_url, redirect_back
from opint.dashboard.workflow_actions import DECIDING, FilterQuery, is_emulated
from opint.store import message_classes, workflow_decisions, workflow_pages
from opint.store.engine import Store
from opint.store.workflow_decisions import Verdict
from opint.store.workflow_pages import WHICH, SnapshotView
from streams.workflows import WorkflowFailures

FormFields = Annotated[dict[str, str], Depends(form_fields)]

SHOWN = 50
BUNDLES = 10
WEEKS = 12
"""Weeks of decisions that the scoreboard shows."""


def router(store: Store, settings: Settings, clock: Callable[[], float], renderer: Renderer) -> APIRouter:
    """The pages, and their part of the API."""
    routes = APIRouter()
    _add_list(routes, store, settings, clock, renderer)
    _add_boards(routes, store, clock, renderer)
    workflow_api.add_routes(routes, store, settings, clock)
    add_pages(routes, store, renderer)
    _add_decisions(routes, store, settings, clock)
    return routes


def _add_list(
    routes: APIRouter, store: Store, settings: Settings, clock: Callable[[], float], renderer: Renderer
) -> None:
    open_s = workflow_actions.open_s(settings)

    @routes.get("/workflows", include_in_schema=False)
    def tasks(request: Request, chosen: FilterQuery, cursor: Cursor = None) -> HTMLResponse:
        live, now_s = renderer.live(), clock()
        with store.read() as tx:
            shown = workflow_pages.page(tx, chosen, now_s, open_s, limit=SHOWN, skip=int(cursor or 0))
            # All that fail alike, decided or not, so that a bundle does not fall apart while it is worked on.
            alike = replace(chosen, which="open" if chosen.which in ("undecided", "decided") else chosen.which)
            bundles = workflow_pages.bundles(tx, alike, now_s, open_s, BUNDLES)
            counts = workflow_pages.counts(tx, open_s)
            campaigns = workflow_pages.campaigns(tx)
        of = workflow_actions.query_of(chosen)
        return renderer.page(
            request,
            "workflows.html",
            shown=shown,
            bundles=bundles,
            counts=counts,
            campaigns=campaigns,
            chosen=chosen,
            which=WHICH,
            actions=ACTIONS,
            targets=TARGETS,
            emulated=any(workflow_actions.is_emulated(view.workflow) for view in shown.items),
            of=of,
            rest="&" + urlencode(of),
            own_url=own_url(request),
            watched=settings.actions.watch,
            unreported_hours=settings.actions.unreported_hours,
            **live,
        )


def _add_boards(routes: APIRouter, store: Store, clock: Callable[[], float], renderer: Renderer) -> None:
    @routes.get("/workflows/scoreboard", include_in_schema=False)
    def board(request: Request, target: Target = "action") -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            scores = scoreboard(workflow_decisions.with_suggestions(tx, clock() - WEEKS * WEEK_S), target)
        return renderer.page(
            request, "workflow_scoreboard.html", scores=scores, weeks=WEEKS, target=target, targets=TARGETS, **live
        )

    @routes.get("/workflows/messages", include_in_schema=False)
    def messages(
        request: Request, number: Annotated[Number | None, Query(alias="class", description="one class by day")] = None
    ) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            classes = message_classes.most_frequent(tx, 200)
            by_day = [] if number is None else message_classes.by_day(tx, number, 0.0)
        return renderer.page(
            request,
            "workflow_messages.html",
            classes=classes,
            number=number,
            by_day=by_day[:500],
            day_s=message_classes.DAY_S,
            **live,
        )


def _add_decisions(routes: APIRouter, store: Store, settings: Settings, clock: Callable[[], float]) -> None:
    @routes.post("/workflows/bundle/{verdict}", include_in_schema=False)
    def decide_bundle(request: Request, verdict: Verdict, form: FormFields) -> Response:
        require_role(request, DECIDING)
        last = form.get("last_snapshot_id", "")
        if not (last.isdecimal() and len(last) < 17) or not form.get("bundle"):
            raise HTTPException(422, "The form does not say which bundle was looked at.")
        workflow_actions.decide_bundle(
            store, settings, clock, form["bundle"], int(last), verdict, workflow_actions.action_in(verdict, form), form
        )
        return redirect_back(form, form["actor"])

    @routes.post("/workflows/{task_id}/ended/{outcome}", include_in_schema=False)
    def end(request: Request, task_id: Number, outcome: workflow_actions.Outcome, form: FormFields) -> Response:
        require_role(request, DECIDING)
        workflow_actions.end(store, clock, task_id, outcome, form)
        return redirect_back(form, form["actor"])

    @routes.post("/workflows/{task_id}/{snapshot_id}/{verdict}", include_in_schema=False)
    def decide(request: Request, task_id: Number, snapshot_id: Number, verdict: Verdict, form: FormFields) -> Response:
        require_role(request, DECIDING)
        action = workflow_actions.action_in(verdict, form)
        workflow_actions.decide(store, clock, task_id, snapshot_id, verdict, action, form)
        return redirect_back(form, form["actor"])


class SitesMap(NamedTuple):
    """The map of one kind of sites."""

    kind: str
    heat: HeatMap


class SnapshotBar(NamedTuple):
    """A snapshot in the row over time: failed jobs, and their share (0 to 1) of the greatest number."""

    view: SnapshotView
    jobs: int
    share: float


def add_pages(routes: APIRouter, store: Store, renderer: Renderer) -> None:
    """The page of a task."""

    @routes.get("/workflows/{task_id}", include_in_schema=False)
    def task(
        request: Request,
        task_id: Number,
        snapshot: Annotated[
            Number | None, Query(description="number of a snapshot; the newest if it is left out")
        ] = None,
    ) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            detail = or_404(workflow_pages.detail(tx, task_id), f"There is no task {task_id}.")
            templates = workflow_pages.templates_of(tx, task_id)
        view = detail.task
        history = [snapshot_of(view.task, shown.content) for shown in detail.snapshots]
        number = view.snapshot_id if snapshot is None else snapshot
        places = [place for place, shown in enumerate(detail.snapshots) if shown.id == number]
        place = or_404(places[0] if places else None, f"There is no snapshot {number} of task {view.task}.")
        suggestion = None if detail.suggestion is None else suggestion_of(detail.suggestion)
        return renderer.page(
            request,
            "workflow_task.html",
            detail=detail,
            failures=history[place],
            shown=detail.snapshots[place],
            bars=_bars(detail.snapshots, history),
            maps=_maps(history[place], history),
            suggestion=suggestion,
            offered=suggestion.action if suggestion and not suggestion.refusal else RecoveryAction("acdc"),
            decided=[(entry, entry.action and action_of(entry.action)) for entry in detail.decisions],
            templates=templates,
            targets=TARGETS,
            emulated=is_emulated(view.workflow),
            **live,
        )


def _bars(views: Sequence[SnapshotView], history: Sequence[WorkflowFailures]) -> list[SnapshotBar]:
    """Oldest first."""
    jobs = [failures.failed_jobs for failures in history]
    bars = [SnapshotBar(view, count, count / max(jobs)) for view, count in zip(views, jobs, strict=True)]
    return bars[::-1]


def _maps(failures: WorkflowFailures, history: Sequence[WorkflowFailures]) -> list[SitesMap]:
    """Of good and bad sites apart, in colours that mean the same in all snapshots."""
    most = max(error.jobs for snapshot in history for error in snapshot.errors)
    kinds = {"Good sites": True, "Bad sites": False, "Sites": None}
    parts = ((kind, [error for error in failures.errors if error.site_good is good]) for kind, good in kinds.items())
    return [SitesMap(kind, heat_map(errors, most)) for kind, errors in parts if errors]
