"""The list of runs, and each run with its map of verdicts."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from opint.dashboard.api import Cursor, Number, or_404
from opint.dashboard.render import Renderer, own_url
from opint.store import references
from opint.store.engine import Store
from opint.store.views import evidence, incidents, runs
from opint.store.views.records import RunDetail, SubsystemSummary

RAISED_SHOWN = 20


def router(store: Store, renderer: Renderer) -> APIRouter:
    """The two pages."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/runs")
    def run_list(request: Request, cursor: Cursor = None) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            shown = runs.page(tx, limit=50, before=int(cursor) if cursor else None)
        return renderer.page(request, "runs.html", shown=shown, request_url=own_url(request), **live)

    @routes.get("/runs/{run}")
    def run_page(
        request: Request, run: Number, dataset: str | None = None, subsystem: str = "", ls: Number | None = None
    ) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            told = or_404(runs.detail(tx, run, dataset), f"There is no run {run}.")
            names = [one.subsystem for one in told.subsystems]
            chosen = subsystem if subsystem in names else _worst_subsystem(told.subsystems)
            kept = evidence.kept(tx, told.run.dataset, chosen, run) if chosen else []
            raised = incidents.page(tx, limit=RAISED_SHOWN, run=run, dataset=told.run.dataset)
            raised_count = incidents.count(tx, run, told.run.dataset)
            against = references.shown(tx, told.run.dataset, run)
        recorded = [value for one in told.lumisections if (value := one.conditions.get("recorded_lumi")) is not None]
        return renderer.page(
            request,
            "run.html",
            told=told,
            subsystem=chosen,
            ls=ls,
            kept=kept,
            raised=raised,
            raised_count=raised_count,
            against=against,
            recorded=sum(recorded) if recorded else None,
            conditions=_conditions(told),
            **live,
        )

    return routes


def _conditions(told: RunDetail) -> list[dict[str, Any]]:
    """What the plot above the map needs of each lumisection."""
    names = ("pileup", "delivered_lumi", "recorded_lumi")
    return [{"ls": one.ls} | {name: one.conditions.get(name) for name in names} for one in told.lumisections]


def _worst_subsystem(told: list[SubsystemSummary]) -> str:
    """The subsystem to look at first; empty if there is none."""
    ranked = sorted(told, key=lambda one: (-one.bad, -one.warning, one.subsystem))
    return ranked[0].subsystem if ranked else ""
