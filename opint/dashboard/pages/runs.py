"""The list of runs, and each run with its map of verdicts."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from opint.dashboard.api import Cursor, Number, or_404
from opint.dashboard.render import Renderer, own_url
from opint.incidents.recurrence import sentence
from opint.store import alarm_levels, evidence, incident_pages, references, runs, short_faults
from opint.store.engine import Store
from opint.store.runs import RunDetail, SubsystemSummary

RAISED_SHOWN = 20
SHORT_FAULTS_SHOWN = 200


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
            detail = or_404(runs.detail(tx, run, dataset), f"There is no run {run}.")
            names = [summary.subsystem for summary in detail.subsystems]
            chosen = subsystem if subsystem in names else _worst_subsystem(detail.subsystems)
            evidence_places = evidence.places(tx, detail.run.dataset, chosen, run) if chosen else []
            raised = incident_pages.page(tx, limit=RAISED_SHOWN, run=run, dataset=detail.run.dataset)
            raised_count = incident_pages.count(tx, run, detail.run.dataset)
            short = short_faults.of_run(tx, detail.run.dataset, run, SHORT_FAULTS_SHOWN)
            short_count = short_faults.count(tx, detail.run.dataset, run)
            against = references.shown(tx, detail.run.dataset, run)
            level = alarm_levels.shown(tx, detail.run.dataset, run)
        recorded = [
            value
            for lumisection in detail.lumisections
            if (value := lumisection.conditions.get("recorded_lumi")) is not None
        ]
        return renderer.page(
            request,
            "run.html",
            detail=detail,
            subsystem=chosen,
            ls=ls,
            evidence_places=evidence_places,
            raised=raised,
            raised_count=raised_count,
            short=[(fault, sentence(fault)) for fault in short],
            short_count=short_count,
            against=against,
            level=level,
            recorded=sum(recorded) if recorded else None,
            conditions=_conditions(detail),
            **live,
        )

    return routes


def _conditions(detail: RunDetail) -> list[dict[str, Any]]:
    """What the plot above the map needs of each lumisection."""
    names = ("pileup", "delivered_lumi", "recorded_lumi")
    return [
        {"ls": lumisection.ls} | {name: lumisection.conditions.get(name) for name in names}
        for lumisection in detail.lumisections
    ]


def _worst_subsystem(summaries: list[SubsystemSummary]) -> str:
    """The subsystem to look at first; empty if there is none."""
    ranked = sorted(summaries, key=lambda summary: (-summary.bad, -summary.warning, summary.subsystem))
    return ranked[0].subsystem if ranked else ""
