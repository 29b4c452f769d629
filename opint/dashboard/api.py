"""The JSON API under /api/v1; /openapi.json describes it.

Lists answer ``{"items": [...], "next": cursor or null}``, newest first; ``next`` goes back in as
``cursor``. What changes something needs the cookie and the token of ``GET /api/v1/session``, the token in
the header ``X-CSRF-Token``; or an API token (``Authorization: Bearer``) where people sign in.
"""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from opint.dashboard.actions import MOST_ACTOR, MOST_TEXT, ROLE_OF_ACTION, Action, act
from opint.dashboard.identity import actor_of, require_role
from opint.dashboard.security import check_token, csrf_token, keep_token
from opint.store import deadletters, evidence, incident_pages, run_map, runs, short_faults, system
from opint.store.deadletters import DeadLetterPage
from opint.store.engine import Store
from opint.store.evidence import EvidenceView
from opint.store.incident_pages import IncidentDetail, IncidentPage, State
from opint.store.run_map import RunMap
from opint.store.runs import LatestLumisections, RunDetail, RunPage
from opint.store.short_faults import ShortFaults
from opint.store.system import System

Number = Annotated[int, Field(ge=0, le=2**53)]
"""A run, a lumisection, the number of an incident: within what both databases, and JavaScript, can hold."""
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(pattern="^[0-9]{1,16}$", description="`next` of the page before")]


Responses = dict[int | str, dict[str, Any]]


class Problem(BaseModel):
    """Why a request failed."""

    detail: str


class Session(BaseModel):
    """The token that changes need, in the header ``X-CSRF-Token``, together with the cookie set here."""

    csrf_token: str


class OperatorAction(BaseModel):
    """Who does it, and what there is to say; a comment needs text."""

    actor: str = Field("", max_length=MOST_ACTOR, description="not needed where people sign in")
    text: str = Field("", max_length=MOST_TEXT, description="for `assign`: to whom, empty for whoever does it")
    for_s: float | None = Field(
        None, gt=0, description="for `acknowledge`: seconds after which it ends; null: it holds until the fault changes"
    )


NOT_FOUND: Responses = {404: {"model": Problem}}
UNAVAILABLE: Responses = {503: {"model": Problem}}
REFUSED: Responses = {code: {"model": Problem} for code in (403, 404, 409)}


def router(store: Store, clock: Callable[[], float]) -> APIRouter:
    """All routes of the API."""
    routes = APIRouter(prefix="/api/v1", responses=UNAVAILABLE)
    _add_incidents(routes, store, clock)
    _add_runs(routes, store)
    _add_system(routes, store)
    return routes


def _add_incidents(routes: APIRouter, store: Store, clock: Callable[[], float]) -> None:
    @routes.get("/incidents", tags=["incidents"])
    def list_incidents(
        state: Annotated[list[State] | None, Query(description="repeat for several; all if absent")] = None,
        subsystem: Annotated[str | None, Query(max_length=200, description="a name, or a part of one")] = None,
        run: Number | None = None,
        dataset: Annotated[str | None, Query(max_length=500, description="a name, or a part of one")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> IncidentPage:
        """Incidents, newest first."""
        with store.read() as tx:
            return incident_pages.page(
                tx,
                limit=limit,
                before=_number(cursor),
                states=tuple(state or ()),
                subsystem=subsystem,
                run=run,
                dataset=dataset,
            )

    @routes.get("/incidents/{incident_id}", tags=["incidents"], responses=NOT_FOUND)
    def get_incident(incident_id: Number) -> IncidentDetail:
        """One incident with its newest occurrences, its audit trail and where its evidence is."""
        return _incident(store, incident_id)

    @routes.get("/session", tags=["incidents"])
    def get_session(request: Request, response: Response) -> Session:
        """A token for changes."""
        token = csrf_token(request)
        keep_token(request, response, token)
        return Session(csrf_token=token)

    @routes.post(
        "/incidents/{incident_id}/{action}",
        tags=["incidents"],
        responses=REFUSED,
        dependencies=[Depends(require_token)],
    )
    def act_on_incident(request: Request, incident_id: Number, action: Action, deed: OperatorAction) -> IncidentDetail:
        """Act on an incident; `confirm` and `false-alarm` are verdicts on it. The incident as it is afterwards."""
        require_role(request, ROLE_OF_ACTION[action])
        act(store, clock, action, incident_id, actor_of(request, deed.actor), deed.text, deed.for_s)
        return _incident(store, incident_id)


def _add_runs(routes: APIRouter, store: Store) -> None:
    @routes.get("/runs", tags=["runs"])
    def list_runs(limit: Limit = 50, cursor: Cursor = None) -> RunPage:
        """Runs, newest first."""
        with store.read() as tx:
            return runs.page(tx, limit=limit, before=_number(cursor))

    @routes.get("/runs/{run}", tags=["runs"], responses=NOT_FOUND)
    def get_run(run: Number, dataset: str | None = None) -> RunDetail:
        """One run: lumisections with conditions, and subsystem summaries."""
        with store.read() as tx:
            return or_404(runs.detail(tx, run, dataset), f"There is no run {run}.")

    @routes.get("/runs/{run}/short-faults", tags=["runs"], responses=NOT_FOUND)
    def get_short_faults(run: Number, dataset: str | None = None) -> ShortFaults:
        """Faults of single lumisections of a run that belong to no incident, or to one that says that they recur."""
        with store.read() as tx:
            detail = or_404(runs.detail(tx, run, dataset), f"There is no run {run}.")
            return ShortFaults(items=short_faults.of_run(tx, detail.run.dataset, run))

    @routes.get("/runs/{run}/map", tags=["runs"], response_model=RunMap, responses=NOT_FOUND)
    def get_map(run: Number, subsystem: str, dataset: str | None = None) -> Response:
        """Monitoring elements against lumisections: qualities, reasons and p-values."""
        with store.read() as tx:
            detail = or_404(runs.detail(tx, run, dataset), f"There is no run {run}.")
            grid = run_map.run_map(tx, detail.run.dataset, run, subsystem)
        # A long run has a million cells: they are written once and not validated one by one.
        return Response(orjson.dumps(grid.__dict__), media_type="application/json")

    @routes.get("/evidence", tags=["runs"], responses=NOT_FOUND)
    def get_evidence(dataset: str, subsystem: str, run: Number, ls: Number, me: str) -> EvidenceView:
        """The evidence kept of one monitoring element in one lumisection."""
        with store.read() as tx:
            return or_404(
                evidence.evidence_view(tx, dataset, subsystem, run, ls, me),
                f"No evidence is kept of {me} in run {run} LS {ls}: it is kept of the most suspicious "
                "monitoring elements only.",
            )

    @routes.get("/lumisections/latest", tags=["runs"])
    def latest_lumisections(limit: Limit = 20) -> LatestLumisections:
        """The lumisections that changed last."""
        with store.read() as tx:
            return LatestLumisections(items=runs.latest(tx, limit))


def _add_system(routes: APIRouter, store: Store) -> None:
    @routes.get("/deadletters", tags=["system"])
    def list_dead_letters(limit: Limit = 50, cursor: Cursor = None) -> DeadLetterPage:
        """Messages that could not be used, newest first."""
        with store.read() as tx:
            return deadletters.page(tx, limit=limit, before=_number(cursor))

    @routes.get("/system", tags=["system"])
    def get_system() -> System:
        """Daemons, offsets, models and the database."""
        with store.read() as tx:
            return system.load_system(tx)


Value = TypeVar("Value")


def or_404(value: Value | None, otherwise: str) -> Value:
    """The value, or 404 with the sentence."""
    if value is None:
        raise HTTPException(404, otherwise)
    return value


def _incident(store: Store, incident_id: int) -> IncidentDetail:
    with store.read() as tx:
        return or_404(incident_pages.detail(tx, incident_id), f"There is no incident {incident_id}.")


def require_token(request: Request, x_csrf_token: Annotated[str, Header()] = "") -> None:
    """Raise HTTPException 403 without the token of ``GET /api/v1/session``, unless the request shows an API token."""
    check_token(request, x_csrf_token)


def _number(cursor: str | None) -> int | None:
    return None if cursor is None else int(cursor)
