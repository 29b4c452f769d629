"""The list of incidents, and each incident with its evidence and history."""

from collections.abc import Callable
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from starlette.responses import HTMLResponse

from conf.settings import Settings
from opint.dashboard.actions import ROLE_OF_ACTION, Action, act, act_on_all
from opint.dashboard.api import Cursor, Number, or_404
from opint.dashboard.identity import require_role
from opint.dashboard.render import Renderer, RunText, actor_name, form_fields, own_url, redirect_back
from opint.guidance import GuidanceFolder, render
from opint.incidents import acceptance
from opint.notifications import causes, silencing, subject
from opint.notifications.explain import explain
from opint.store import earlier, evidence, incident_pages, incidents, runs
from opint.store.engine import Store
from opint.store.incident_pages import EvidenceKey, IncidentDetail, Order, State
from opint.stream_kinds import accepting_streams

STRIP_LENGTH = 120
OPEN_SHOWN = 50
BulkAction = Literal["acknowledge", "assign", "resolve", "comment"]
ACKNOWLEDGED_S = {"1h": 3600.0, "4h": 4 * 3600.0, "8h": 8 * 3600.0}
"""For how long an incident can be acknowledged."""


def router(
    store: Store, settings: Settings, guidance: GuidanceFolder, clock: Callable[[], float], renderer: Renderer
) -> APIRouter:
    """The two pages, and what operators do to an incident."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    _add_list(routes, store, settings, clock, renderer)
    _add_incident(routes, store, settings, clock, renderer, guidance)
    _add_changes(routes, store, clock)
    return routes


def _add_list(
    routes: APIRouter, store: Store, settings: Settings, clock: Callable[[], float], renderer: Renderer
) -> None:
    @routes.get("/incidents")
    def incident_list(
        request: Request,
        state: Annotated[list[State] | None, Query()] = None,
        subsystem: str = "",
        run: RunText = "",
        dataset: str = "",
        words: str = "",
        mine: Annotated[bool, Query(description="only those that the reader has acknowledged or was assigned")] = False,
        order: Order = "gravest",
        cursor: Cursor = None,
    ) -> HTMLResponse:
        live = renderer.live()
        filters = {"subsystem": subsystem, "run": run, "dataset": dataset, "words": words, "order": order}
        own = {"mine": "true"} if mine else {}
        with store.read() as tx:
            shown = incident_pages.page(
                tx,
                limit=OPEN_SHOWN,
                before=int(cursor) if cursor else None,
                states=tuple(state or ()),
                subsystem=subsystem or None,
                run=int(run) if run else None,
                dataset=dataset or None,
                words=words or None,
                operator=actor_name(request) if mine else None,
                order=order,
            )
            subsystems = incident_pages.subsystems(tx)
            silenced = silencing.hidden_incidents(tx, clock())
            follows = causes.of_active(tx, [incident.id for incident in shown.items], settings)
        return renderer.page(
            request,
            "incidents.html",
            shown=shown,
            silenced=silenced,
            follows=follows,
            states=state or [],
            mine=mine,
            subsystems=subsystems,
            nowhere=bool(subsystem) and not any(subsystem.lower() in name.lower() for name in subsystems),
            request_url=own_url(request),
            rest="&" + urlencode({"state": state or []} | filters | own, doseq=True),
            **filters,
            **live,
        )


def _add_incident(
    routes: APIRouter,
    store: Store,
    settings: Settings,
    clock: Callable[[], float],
    renderer: Renderer,
    guidance: GuidanceFolder,
) -> None:
    @routes.get("/incidents/{incident_id}")
    def incident(request: Request, incident_id: Number, me: str = "", at: str = "") -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            detail = or_404(incident_pages.detail(tx, incident_id), f"There is no incident {incident_id}.")
            chosen = _chosen_evidence(detail.evidence, at, me)
            shown = chosen and evidence.evidence_view(
                tx, detail.dataset, detail.subsystem, chosen.run, chosen.ls, chosen.me
            )
            history = runs.around(tx, detail, STRIP_LENGTH)
            silenced = silencing.hidden_incidents(tx, clock()).get(incident_id)
            accounts = explain(tx, incident_id)
            cause = causes.of_active(tx, [incident_id], settings).get(incident_id)
            quiet = causes.quiet_reason(subject.load(tx, [incident_id])[incident_id], settings)
            recurrence = earlier.recurrences(tx, [incident_id]).get(incident_id)
            companions = acceptance.companions(tx, incidents.get(tx, incident_id), accepting_streams())
        return renderer.page(
            request,
            "incident.html",
            incident=detail,
            chosen=chosen,
            silenced=silenced,
            accounts=accounts,
            cause=cause,
            quiet=quiet if detail.state != "resolved" and cause is None else "",
            recurrence=recurrence,
            guidance=render(guidance.text_of(detail.family, detail.subsystem, detail.element_group)),
            shown=shown,
            lumisections=list(dict.fromkeys((key.run, key.ls) for key in detail.evidence)),
            elements_here=[
                key.me for key in detail.evidence if chosen and (key.run, key.ls) == (chosen.run, chosen.ls)
            ],
            history=history,
            culprit=_first_element(detail),
            companions=companions,
            acceptable=detail.family in accepting_streams() and detail.first_run is not None,
            occurrence_by_key={(occurrence.run, occurrence.ls): occurrence for occurrence in detail.occurrences},
            **live,
        )


def _add_changes(routes: APIRouter, store: Store, clock: Callable[[], float]) -> None:
    @routes.post("/incidents/ticked/{action}")
    def change_ticked(
        request: Request, action: BulkAction, form: Annotated[dict[str, str], Depends(form_fields)]
    ) -> Response:
        """Act on all incidents that are ticked in the list, or on none; assigned they are to whoever does it."""
        require_role(request, ROLE_OF_ACTION[action])
        numbers = [int(text) for text in form["ids"].split(",") if text.isdecimal() and len(text) < 16]
        if not numbers:
            raise HTTPException(422, "No incident is ticked.")
        actor = form.get("actor", "")
        act_on_all(store, clock, action, numbers, actor, "" if action == "assign" else form.get("text", ""))
        return redirect_back(form, actor)

    @routes.post("/incidents/{incident_id}/{action}")
    def change(
        request: Request,
        incident_id: Number,
        action: Action,
        form: Annotated[dict[str, str], Depends(form_fields)],
    ) -> Response:
        require_role(request, ROLE_OF_ACTION[action])
        actor = form.get("actor", "")
        for_s = ACKNOWLEDGED_S.get(form.get("for", ""))
        text = form.get("assignee", "") if action == "assign" else form.get("text", "")
        act(store, clock, action, incident_id, actor, text, for_s)
        return redirect_back(form, actor)


def _first_element(detail: IncidentDetail) -> str:
    """The rate to look at first in an incident of the trigger: the seed of a seed, else what was worst last."""
    if detail.family == "seed":
        return f"{detail.element_group}/{detail.element_group}"
    return detail.occurrences[0].elements[0] if detail.occurrences and detail.occurrences[0].elements else ""


def _chosen_evidence(keys: list[EvidenceKey], at: str, me: str) -> EvidenceKey | None:
    """The evidence to show: of ``at`` (``run:ls``) and ``me`` as far as there is, else the newest and worst."""
    candidates = [key for key in keys if f"{key.run}:{key.ls}" == at] or keys
    return next((key for key in candidates if key.me == me), candidates[0] if candidates else None)
