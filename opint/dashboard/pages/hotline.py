"""The event hotline: unusual events, newest first, and what people make of them."""

import math
from collections.abc import Callable
from typing import Annotated, Literal, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.responses import HTMLResponse

from conf.settings import Settings
from opint.dashboard.actions import MOST_ACTOR, MOST_TEXT, checked_texts
from opint.dashboard.api import NOT_FOUND, REFUSED, UNAVAILABLE, Cursor, Limit, Number, or_404, require_token
from opint.dashboard.identity import actor_of
from opint.dashboard.render import Renderer, RunText, form_fields, redirect_back
from opint.hotline.kind import NAME
from opint.hotline.summary import all_features, bars, recent_rate, simulated_notice, unusual_features
from opint.store import heartbeats, hotline
from opint.store.engine import Store
from opint.store.hotline import JudgedHours, KeptDetail, KeptPage, Marking

SHOWN = 20
HOURS = 144
"""Hours of live time that the picture shows at most."""
MARKINGS: tuple[Marking, ...] = get_args(Marking)

MarkingFilter = Annotated[
    Literal["all", "new", "interesting", "known", "detector"],
    Query(description="only events that are marked so; `new` are those that nobody has looked at"),
]


Dataset = Annotated[str, Query(max_length=500, description="only events of this dataset; of all if empty")]


class MarkingNote(BaseModel):
    """Who looked at an event, and what there is to say."""

    actor: str = Field("", max_length=MOST_ACTOR, description="not needed where people sign in")
    note: str = Field("", max_length=MOST_TEXT)


def router(store: Store, settings: Settings, clock: Callable[[], float], renderer: Renderer) -> APIRouter:
    """The pages of the hotline, and its part of the API."""
    routes = APIRouter()
    _add_list(routes, store, settings, renderer)
    _add_event(routes, store, clock, renderer)
    _add_api(routes, store, clock)
    return routes


def _add_list(routes: APIRouter, store: Store, settings: Settings, renderer: Renderer) -> None:
    @routes.get("/hotline", include_in_schema=False)
    def events(
        request: Request, marked: MarkingFilter = "all", run: RunText = "", dataset: Dataset = "", cursor: Cursor = None
    ) -> HTMLResponse:
        live, run_number = renderer.live(), int(run) if run else None
        declared = settings.hotline.events_per_hour
        with store.read() as tx:
            shown = _page(tx, SHOWN, cursor, marked, run_number, dataset)
            judging = hotline.newest_hours(tx, HOURS, dataset or None)
            surprise = _level(tx, judging, declared)
            datasets = hotline.datasets(tx)
            watchers = [daemon for daemon in heartbeats.newest(tx) if daemon.daemon.endswith(f":{NAME}")]
        hours = judging.hours if judging else []
        return renderer.page(
            request,
            "hotline.html",
            shown=shown,
            unusual_of={event.id: unusual_features(event) for event in shown.items},
            marked=marked,
            run=run,
            dataset=dataset,
            datasets=datasets,
            rest="&" + urlencode({"marked": marked, "run": run, "dataset": dataset}),
            request_url=f"{request.url.path}?{request.url.query}",
            simulated=simulated_notice(shown.items),
            judging=judging,
            watchers=watchers,
            one_in=None if surprise is None else math.exp(surprise),
            hours=sum(hour.live_s for hour in hours) / 3600.0,
            kept_events=sum(hour.kept_events for hour in hours),
            judged_events=sum(hour.judged_events for hour in hours),
            lately=recent_rate(hours, declared),
            bars=bars(hours, declared),
            declared=declared,
            **live,
        )


def _add_event(routes: APIRouter, store: Store, clock: Callable[[], float], renderer: Renderer) -> None:
    @routes.get("/hotline/{event_id}", include_in_schema=False)
    def event(request: Request, event_id: Number) -> HTMLResponse:
        live = renderer.live()
        detail = _detail(store, event_id)
        return renderer.page(
            request,
            "hotline_event.html",
            detail=detail,
            unusual=list(zip(detail.event.unusual, unusual_features(detail.event), strict=True)),
            features=all_features(detail.event),
            markings=MARKINGS,
            simulated=simulated_notice([detail.event]),
            **live,
        )

    @routes.post("/hotline/{event_id}/{marking}", include_in_schema=False)
    def mark(event_id: Number, marking: Marking, form: Annotated[dict[str, str], Depends(form_fields)]) -> Response:
        actor = form.get("actor", "")
        _mark(store, clock, event_id, marking, actor, form.get("note", ""))
        return redirect_back(form, actor)


def _add_api(routes: APIRouter, store: Store, clock: Callable[[], float]) -> None:
    @routes.get("/api/v1/hotline", tags=["hotline"], responses=UNAVAILABLE)
    def list_events(
        marked: MarkingFilter = "all",
        run: Number | None = None,
        dataset: Dataset = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> KeptPage:
        """Unusual events that were kept, newest first."""
        with store.read() as tx:
            return _page(tx, limit, cursor, marked, run, dataset)

    @routes.get("/api/v1/hotline/{event_id}", tags=["hotline"], responses=NOT_FOUND | UNAVAILABLE)
    def get_event(event_id: Number) -> KeptDetail:
        """One event with all its features, and what was said of it."""
        return _detail(store, event_id)

    @routes.post(
        "/api/v1/hotline/{event_id}/{marking}",
        tags=["hotline"],
        responses=REFUSED | UNAVAILABLE,
        dependencies=[Depends(require_token)],
    )
    def mark_event(request: Request, event_id: Number, marking: Marking, body: MarkingNote) -> KeptDetail:
        """Say that an event is interesting, of a known process, or a fault of the detector; the event afterwards."""
        _mark(store, clock, event_id, marking, actor_of(request, body.actor), body.note)
        return _detail(store, event_id)


def _page(tx: Connection, limit: int, cursor: str | None, marked: str, run: int | None, dataset: str) -> KeptPage:
    marking = {"all": None, "new": ""}.get(marked, marked)
    before = None if cursor is None else int(cursor)
    return hotline.page(tx, limit=limit, before=before, marking=marking, run=run, dataset=dataset or None)


def _level(tx: Connection, judging: JudgedHours | None, per_hour: float) -> float | None:
    """The surprise beyond which events are kept now; None before any was judged."""
    ladder = judging and hotline.present(tx, judging.dataset, judging.model_version)
    level = ladder.level(per_hour) if ladder else math.inf
    return level if math.isfinite(level) else None


def _detail(store: Store, event_id: int) -> KeptDetail:
    with store.read() as tx:
        return or_404(hotline.detail(tx, event_id), f"There is no kept event {event_id}.")


def _mark(store: Store, clock: Callable[[], float], event_id: int, marking: Marking, actor: str, note: str) -> None:
    actor, note = checked_texts(actor, note, "The note", required=False)
    with store.begin() as tx:
        if not hotline.mark(tx, event_id, marking, actor, note, clock()):
            raise HTTPException(404, f"There is no kept event {event_id}.")
