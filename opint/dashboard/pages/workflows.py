"""Failing workflows by what they cost, bundles that fail alike, what is suggested, and what operators decide."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from starlette.responses import HTMLResponse

from conf.settings import Settings
from opint.actions.action import ACTIONS, TARGETS
from opint.actions.weekly import WEEK_S, Target, scoreboard
from opint.dashboard import workflow_actions
from opint.dashboard.api import Cursor, Number
from opint.dashboard.identity import require_role
from opint.dashboard.pages import workflow_api, workflow_task
from opint.dashboard.render import Renderer, form_fields, own_url, redirect_back
from opint.dashboard.workflow_actions import DECIDING, FilterQuery
from opint.store import message_classes, workflow_decisions, workflow_pages
from opint.store.engine import Store
from opint.store.workflow_decisions import Verdict
from opint.store.workflow_pages import WHICH

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
    workflow_task.add_pages(routes, store, renderer)
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
