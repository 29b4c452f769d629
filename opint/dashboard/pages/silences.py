"""Silences: what is hidden, until when and why; a new one with a preview of what it would hide."""

from collections.abc import Callable
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, RedirectResponse

from conf.errors import NightshiftError
from conf.notifications import Matchers
from opint.accounts.roles import Role
from opint.dashboard.actions import MOST_ACTOR, MOST_TEXT, checked_texts
from opint.dashboard.api import NOT_FOUND, REFUSED, UNAVAILABLE, Limit, Number, require_token
from opint.dashboard.identity import actor_of, require_role
from opint.dashboard.render import Renderer, form_fields, own_url, redirect_back
from opint.notifications import silencing
from opint.notifications.silencing import ListedSilence, SilenceError
from opint.store import incident_pages
from opint.store.engine import Store
from opint.store.silences import UnknownSilenceError
from streams.errors import Unavailable

SHOWN = 50
KEYS = ("severity", "family", "subsystem", "folder", "dataset", "mode")
LENGTHS_S = {"1h": 3600.0, "8h": 8 * 3600.0, "24h": 86_400.0, "7d": 7 * 86_400.0}
Until = Literal["1h", "8h", "24h", "7d", "resolved"]
Patterns = Annotated[str, Query(max_length=2000, description="shell patterns, separated by commas")]


class NewSilence(BaseModel):
    """What is silenced, until when and why; ``ends_s`` null: until the incidents that fit now are resolved."""

    match: Matchers
    reason: str = Field(min_length=1, max_length=MOST_TEXT)
    ends_s: float | None
    actor: str = Field("", max_length=MOST_ACTOR, description="not needed where people sign in")


class CreatedSilence(BaseModel):
    """The number of a new silence."""

    id: int


class SilenceView(BaseModel):
    """A silence, what it hides now, and what there is to know before it is forgotten."""

    id: int
    match: Matchers
    actor: str
    reason: str
    created_s: float
    ends_s: float | None
    end: str = Field(description="running, until resolved, over, or ended by whom")
    hides: list[int]
    flags: list[str]


def router(store: Store, clock: Callable[[], float], renderer: Renderer) -> APIRouter:
    """The page, and its part of the API."""
    routes = APIRouter()
    _add_page(routes, store, clock, renderer)
    _add_api(routes, store, clock)
    return routes


def _add_page(routes: APIRouter, store: Store, clock: Callable[[], float], renderer: Renderer) -> None:
    @routes.get("/silences", include_in_schema=False)
    def page(
        request: Request,
        severity: Patterns = "",
        family: Patterns = "",
        subsystem: Patterns = "",
        folder: Patterns = "",
        dataset: Patterns = "",
        mode: Patterns = "",
        reason: Annotated[str, Query(max_length=MOST_TEXT)] = "",
        until: Until = "8h",
    ) -> HTMLResponse:
        live, now_s = renderer.live(), clock()
        fields = dict(zip(KEYS, (severity, family, subsystem, folder, dataset, mode), strict=True))
        with store.read() as tx:
            shown = silencing.listed(tx, now_s, SHOWN, ended=True)
            match = _match(fields)
            previewed = None if match.is_empty() else silencing.preview(tx, match, now_s)
            incidents = incident_pages.of_numbers(tx, previewed.examples) if previewed else []
        return renderer.page(
            request,
            "silences.html",
            shown=shown,
            fields=fields,
            reason=reason,
            until=until,
            preview=previewed,
            incidents=incidents,
            matchers_text=silencing.matchers_text,
            request_url=own_url(request),
            **live,
        )

    @routes.post("/silences/preview", include_in_schema=False)
    def show_preview(form: Annotated[dict[str, str], Depends(form_fields)]) -> Response:
        """Back to the page with what was filled in: neither token nor name may stand in an address."""
        filled = {key: text for key in (*KEYS, "reason", "until") if (text := form.get(key, ""))}
        return RedirectResponse(f"/silences?{urlencode(filled)}", 303)

    @routes.post("/silences/new", include_in_schema=False)
    def add(request: Request, form: Annotated[dict[str, str], Depends(form_fields)]) -> Response:
        require_role(request, Role.SHIFTER)
        now_s, length_s = clock(), LENGTHS_S.get(form.get("until", ""))
        if length_s is None and form.get("until") != "resolved":
            raise HTTPException(422, "Choose when the silence ends.")
        match, actor = _match({key: form.get(key, "") for key in KEYS}), form.get("actor", "")
        _add(store, match, actor, form.get("reason", ""), now_s, None if length_s is None else now_s + length_s)
        form["back"] = "/silences"
        return redirect_back(form, actor)

    @routes.post("/silences/{number}/expire", include_in_schema=False)
    def expire(request: Request, number: Number, form: Annotated[dict[str, str], Depends(form_fields)]) -> Response:
        require_role(request, Role.SHIFTER)
        _expire(store, number, form.get("actor", ""), clock())
        return redirect_back(form, form.get("actor", ""))


def _add_api(routes: APIRouter, store: Store, clock: Callable[[], float]) -> None:
    @routes.get("/api/v1/silences", tags=["silences"], responses=UNAVAILABLE)
    def list_silences(ended: bool = False, limit: Limit = 50) -> list[SilenceView]:
        """Silences that run; with `ended` those that are over as well."""
        now_s = clock()
        with store.read() as tx:
            return [_view(entry, now_s) for entry in silencing.listed(tx, now_s, limit, ended=ended)]

    @routes.post("/api/v1/silences/preview", tags=["silences"], responses=UNAVAILABLE)
    def preview(match: Matchers) -> silencing.Preview:
        """What a silence with these matchers would hide; nothing is stored."""
        with store.read() as tx:
            return silencing.preview(tx, match, clock())

    @routes.post(
        "/api/v1/silences",
        tags=["silences"],
        responses=REFUSED | UNAVAILABLE,
        status_code=201,
        dependencies=[Depends(require_token)],
    )
    def add_silence(request: Request, new: NewSilence) -> CreatedSilence:
        """Silence what fits."""
        require_role(request, Role.SHIFTER)
        return CreatedSilence(id=_add(store, new.match, actor_of(request, new.actor), new.reason, clock(), new.ends_s))

    @routes.delete(
        "/api/v1/silences/{number}",
        tags=["silences"],
        responses=REFUSED | NOT_FOUND | UNAVAILABLE,
        status_code=204,
        dependencies=[Depends(require_token)],
    )
    def expire_silence(
        request: Request, number: Number, actor: Annotated[str, Query(max_length=MOST_ACTOR)] = ""
    ) -> None:
        """End a silence now."""
        require_role(request, Role.SHIFTER)
        _expire(store, number, actor_of(request, actor), clock())


def _view(entry: ListedSilence, now_s: float) -> SilenceView:
    stored = entry.stored
    return SilenceView(
        id=stored.id,
        match=entry.silence.match,
        actor=stored.actor,
        reason=stored.reason,
        created_s=stored.created_s,
        ends_s=stored.ends_s,
        end=entry.silence.end(now_s),
        hides=[] if entry.effect is None else list(entry.effect.hidden),
        flags=entry.flags,
    )


def _match(fields: dict[str, str]) -> Matchers:
    """Matchers of the fields of a form; raises HTTPException 422."""
    values = {key: [part.strip() for part in text.split(",") if part.strip()] for key, text in fields.items()}
    try:
        return silencing.matchers(values)
    except SilenceError as error:
        raise HTTPException(422, str(error)) from error


def _add(store: Store, match: Matchers, actor: str, reason: str, now_s: float, ends_s: float | None) -> int:
    actor, reason = checked_texts(actor, reason, "The reason", required=True)
    try:
        with store.begin() as tx:
            return silencing.add(tx, match, actor, reason, now_s, ends_s)
    except SilenceError as error:
        raise HTTPException(422, str(error)) from error


def _expire(store: Store, number: int, actor: str, now_s: float) -> None:
    actor, _ = checked_texts(actor, "", "The reason", required=False)
    try:
        with store.begin() as tx:
            silencing.expire(tx, number, actor, now_s)
    except UnknownSilenceError as error:
        raise HTTPException(404, f"There is no silence {number}.") from error
    except Unavailable:
        raise
    except NightshiftError as error:
        raise HTTPException(409, str(error)) from error
