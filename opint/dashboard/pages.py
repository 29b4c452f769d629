"""The pages: server-rendered, usable without JavaScript except for the plots.

A page's parts that change have an id and ask for themselves again when an event names them
(:mod:`opint.dashboard.events`); htmx takes them out of the whole page, so there is one way to render each.
"""

import statistics
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, quote, unquote, urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import AfterValidator
from starlette.responses import HTMLResponse, RedirectResponse

from conf.settings import Settings
from opint.dashboard.actions import MOST_ACTOR, MOST_TEXT, Action, act
from opint.dashboard.api import Cursor, Number, found
from opint.dashboard.events import written
from opint.dashboard.security import check_token, csrf_token, keep_token
from opint.dashboard.status import overall, staleness
from opint.dashboard.wording import FILTERS, FUNCTIONS
from opint.store import references
from opint.store.engine import Store
from opint.store.views import evidence, incidents, runs, system
from opint.store.views.records import Daemon, EvidenceKey, IncidentDetail, RunDetail, State, SubsystemSummary

ACTOR_COOKIE = "nightshift_actor"
ACTOR_DAYS = 30
STRIP_LENGTH = 120
OPEN_SHOWN = 50
RAISED_SHOWN = 20
RECENT_S = 60.0
MOST_FIELDS = 20


def _run_text(text: str) -> str:
    if text and not (text.isdecimal() and len(text) < 16):
        raise ValueError("write the number of a run, such as 379415")
    return text


RunText = Annotated[str, AfterValidator(_run_text), Query(description="a run; all if empty")]
_TEMPLATES = Path(__file__).parent / "templates"


class Renderer:
    """Jinja templates with what every page needs: the time, the token, the operator's name, the marker."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float]) -> None:
        """Templates autoescape; a name that is not given is an error."""
        self._store, self._settings, self._clock = store, settings, clock
        loader = FileSystemLoader(_TEMPLATES)
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        self._templates.filters.update(FILTERS)
        self._templates.globals.update(FUNCTIONS)

    def page(self, request: Request, name: str, code: int = 200, /, **values: Any) -> HTMLResponse:
        """One rendered page."""
        token = csrf_token(request)
        common = {
            "now_s": self._clock(),
            "csrf": token,
            "actor": unquote(request.cookies.get(ACTOR_COOKIE, ""))[:MOST_ACTOR],
            "stale_after_s": self._settings.dashboard.stale_after_s,
            "most_text": MOST_TEXT,
            "most_actor": MOST_ACTOR,
            "path": request.url.path,
        }
        text = self._templates.get_template(name).render({"marker": "", "heartbeat_s": None} | common | values)
        response = HTMLResponse(text, code, headers={"Cache-Control": "no-store"})
        keep_token(response, token)
        return response

    def problem(self, request: Request, status: int, detail: str) -> HTMLResponse:
        """The page that says what went wrong."""
        title = f"{status} {HTTPStatus(status).phrase}"
        return self.page(request, "problem.html", status, title=title, detail=detail, before=_page_before(request))

    def live(self) -> dict[str, Any]:
        """Where the store stands; read before a page's own queries, so that no change falls between."""
        with self._store.read() as tx:
            marker = system.marker(tx)
        return {"marker": written(marker), "heartbeat_s": marker.heartbeat / 1000 if marker.heartbeat else None}


def router(store: Store, settings: Settings, clock: Callable[[], float], renderer: Renderer) -> APIRouter:
    """All pages."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    _add_overview(routes, store, settings, clock, renderer)
    _add_incidents(routes, store, renderer)
    _add_incident(routes, store, clock, renderer)
    _add_runs(routes, store, renderer)
    _add_system(routes, store, renderer)
    return routes


def _add_overview(
    routes: APIRouter, store: Store, settings: Settings, clock: Callable[[], float], renderer: Renderer
) -> None:
    @routes.get("/")
    def overview(request: Request) -> HTMLResponse:
        live, now_s = renderer.live(), clock()
        with store.read() as tx:
            active = incidents.gravest(tx, OPEN_SHOWN)
            counts, daemons = incidents.counts(tx), system.daemons(tx)
            strips, newest = runs.strips(tx, STRIP_LENGTH), runs.latest(tx, 1)
            recent, delays = system.closed_since(tx, now_s - RECENT_S)
            resolved = incidents.recently_resolved(tx, 8)
        stale = staleness(daemons, now_s, settings.dashboard.stale_after_s)
        unseen = max((one for one in active if one.state == "open"), key=lambda one: one.id, default=None)
        return renderer.page(
            request,
            "overview.html",
            active=active,
            strips=strips,
            newest=newest[0] if newest else None,
            daemons=daemons,
            running=sum(
                one.state == "running" and now_s - one.at_s <= settings.dashboard.stale_after_s for one in daemons
            ),
            stale=stale,
            recent=recent,
            delay_s=statistics.median(delays) if delays else None,
            resolved=resolved,
            lag=sum(_lag(daemons).values()),
            status=overall(counts, unseen, stale, judged=bool(strips)),
            counts=counts,
            **live,
        )


def _add_incidents(routes: APIRouter, store: Store, renderer: Renderer) -> None:
    @routes.get("/incidents")
    def incident_list(
        request: Request,
        state: Annotated[list[State] | None, Query()] = None,
        subsystem: str = "",
        run: RunText = "",
        dataset: str = "",
        cursor: Cursor = None,
    ) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            shown = incidents.page(
                tx,
                limit=OPEN_SHOWN,
                before=int(cursor) if cursor else None,
                states=tuple(state or ()),
                subsystem=subsystem or None,
                run=int(run) if run else None,
                dataset=dataset or None,
            )
        return renderer.page(
            request,
            "incidents.html",
            shown=shown,
            states=state or [],
            subsystem=subsystem,
            run=run,
            dataset=dataset,
            request_url=_own_url(request),
            rest="&"
            + urlencode({"state": state or [], "subsystem": subsystem, "run": run, "dataset": dataset}, doseq=True),
            **live,
        )


def _add_incident(routes: APIRouter, store: Store, clock: Callable[[], float], renderer: Renderer) -> None:
    @routes.get("/incidents/{incident_id}")
    def incident(request: Request, incident_id: Number, me: str = "", at: str = "") -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            told = found(incidents.detail(tx, incident_id), f"There is no incident {incident_id}.")
            chosen = _chosen(told.evidence, at, me)
            shown = chosen and evidence.one(tx, told.dataset, told.subsystem, chosen.run, chosen.ls, chosen.me)
            history = runs.around(tx, told, STRIP_LENGTH)
        return renderer.page(
            request,
            "incident.html",
            incident=told,
            chosen=chosen,
            shown=shown,
            lumisections=list(dict.fromkeys((key.run, key.ls) for key in told.evidence)),
            here=[key.me for key in told.evidence if chosen and (key.run, key.ls) == (chosen.run, chosen.ls)],
            history=history,
            culprit=_culprit(told),
            seen={(one.run, one.ls): one for one in told.occurrences},
            **live,
        )

    @routes.post("/incidents/{incident_id}/{action}")
    def change(incident_id: Number, action: Action, form: Annotated[dict[str, str], Depends(posted)]) -> Response:
        actor = form.get("actor", "")
        act(store, clock, action, incident_id, actor, form.get("text", ""))
        return going_back(form, actor)


def _add_runs(routes: APIRouter, store: Store, renderer: Renderer) -> None:
    @routes.get("/runs")
    def run_list(request: Request, cursor: Cursor = None) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            shown = runs.page(tx, limit=50, before=int(cursor) if cursor else None)
        return renderer.page(request, "runs.html", shown=shown, request_url=_own_url(request), **live)

    @routes.get("/runs/{run}")
    def run_page(
        request: Request, run: Number, dataset: str | None = None, subsystem: str = "", ls: Number | None = None
    ) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            told = found(runs.detail(tx, run, dataset), f"There is no run {run}.")
            names = [one.subsystem for one in told.subsystems]
            chosen = subsystem if subsystem in names else _worst(told.subsystems)
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


def _add_system(routes: APIRouter, store: Store, renderer: Renderer) -> None:
    @routes.get("/system")
    def system_page(request: Request, cursor: Cursor = None) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            told = system.system(tx)
            letters = system.dead_letters(tx, limit=25, before=int(cursor) if cursor else None)
        return renderer.page(
            request,
            "system.html",
            told=told,
            letters=letters,
            lag=_lag(told.daemons),
            request_url=_own_url(request),
            **live,
        )


def _lag(daemons: list[Daemon]) -> dict[str, int]:
    """Messages behind by partition; of one that several daemons name, the daemon heard last knows."""
    return {partition: behind for one in reversed(daemons) for partition, behind in one.lag.items()}


def _culprit(told: IncidentDetail) -> str:
    """The rate to look at first in an incident of the trigger: the seed of a seed, else what was worst last."""
    if told.family == "seed":
        return f"{told.element_group}/{told.element_group}"
    return told.occurrences[0].elements[0] if told.occurrences and told.occurrences[0].elements else ""


def _chosen(kept: list[EvidenceKey], at: str, me: str) -> EvidenceKey | None:
    """The evidence to show: of ``at`` (``run:ls``) and ``me`` as far as there is, else the newest and worst."""
    there = [key for key in kept if f"{key.run}:{key.ls}" == at] or kept
    return next((key for key in there if key.me == me), there[0] if there else None)


def _conditions(told: RunDetail) -> list[dict[str, Any]]:
    """What the plot above the map needs of each lumisection."""
    names = ("pileup", "delivered_lumi", "recorded_lumi")
    return [{"ls": one.ls} | {name: one.conditions.get(name) for name in names} for one in told.lumisections]


def _page_before(request: Request) -> str | None:
    """The page of ours that led to this request; None if there is none."""
    own = f"{request.url.scheme}://{request.headers['host']}"
    path = request.headers.get("referer", "").removeprefix(own)
    return path if path.startswith("/") and not path.startswith("//") and path != "/" else None


def _own_url(request: Request) -> str:
    """Path and query, for a part of a page that asks for itself again."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _worst(told: list[SubsystemSummary]) -> str:
    """The subsystem to look at first; empty if there is none."""
    ranked = sorted(told, key=lambda one: (-one.bad, -one.warning, one.subsystem))
    return ranked[0].subsystem if ranked else ""


def going_back(form: dict[str, str], actor: str) -> Response:
    """Back to where the form stood; the operator's name is kept for the next one."""
    response = RedirectResponse(form["back"], 303)
    response.set_cookie(
        ACTOR_COOKIE, quote(actor.strip()), max_age=ACTOR_DAYS * 86400, httponly=True, samesite="strict", path="/"
    )
    return response


async def posted(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form that comes from one of our own pages; its size has been checked."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HTTPException(422, f"The form has more than {MOST_FIELDS} fields.") from None
    form = {name: values[-1] for name, values in fields.items()}
    if "\0" in "".join(form.values()):
        raise HTTPException(422, "The form holds a NUL character.")
    check_token(request, form.get("csrf", ""))
    # Only a path of our own is a place to go back to.
    back = form.get("back", "/")
    form["back"] = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
    return form
