"""Caches: what they were asked for, what is suggested for them and on trial, and what people decide about it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, PlainTextResponse

from opint.accounts.roles import Role
from opint.caches.xcache import XcacheFile, blacklist_file, quota_file
from opint.dashboard.actions import MOST_ACTOR, MOST_TEXT, checked_texts
from opint.dashboard.api import NOT_FOUND, REFUSED, UNAVAILABLE, require_token
from opint.dashboard.charts import HEIGHT, SPARK_HEIGHT, SPARK_WIDTH, WIDTH, day_curves, saving_spark, size_curves
from opint.dashboard.identity import actor_of, require_role
from opint.dashboard.render import Renderer, form_fields, redirect_back
from opint.store import caches, suggestions
from opint.store.caches import CacheDay, CurvePoint, StoredCache
from opint.store.engine import Store
from opint.store.suggestions import Ruling, StoredSuggestion, SuggestionEvent
from rl_cache.laboratory.units import SavingUnit, format_bytes

SHOWN_DAYS = 60
TABLE_DAYS = 14
SHOWN_EVENTS = 40
DAY_S = 86_400

EMPTY: dict[int | str, dict[str, Any]] = {
    409: {"description": "Nothing accepted can be expressed; the answer says why"}
}

Name = Annotated[str, Query(max_length=512, description="of the cache; the first by name if it is left out")]
Limit = Annotated[int, Query(ge=1, le=1000)]


class SuggestionRuling(BaseModel):
    """Which suggestion, who decides, and why."""

    kind: str = Field(max_length=20, description="refuse, quota, pin or prefetch")
    target: str = Field(max_length=1024, description="a directory or a dataset")
    actor: str = Field("", max_length=MOST_ACTOR, description="not needed where people sign in")
    reason: str = Field("", max_length=MOST_TEXT, description="needed to reject")


def router(store: Store, clock: Callable[[], float], renderer: Renderer) -> APIRouter:
    """The page, its downloads and its part of the API."""
    routes = APIRouter()
    _add_page(routes, store, clock, renderer)
    _add_downloads(routes, store, clock)
    _add_api(routes, store, clock)
    return routes


def _add_page(routes: APIRouter, store: Store, clock: Callable[[], float], renderer: Renderer) -> None:
    @routes.get("/caches", include_in_schema=False)
    def page(request: Request, cache: Name = "") -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            stored = caches.stored_caches(tx)
            selected = _chosen(stored, cache)
            if selected is None:
                return renderer.page(request, "caches.html", selected=None, **live)
            rules = suggestions.with_decisions(tx, selected.cache)
            days = caches.days(tx, selected.cache, SHOWN_DAYS)
            points = caches.curves(tx, selected.cache)
            events = suggestions.history(tx, selected.cache, SHOWN_EVENTS)
        quotas, blacklist = quota_file(selected.capacity_bytes, rules), blacklist_file(rules)
        return renderer.page(
            request,
            "caches.html",
            selected=selected,
            stored=stored,
            rules=[
                (rule, SavingUnit(rule.unit), saving_spark(rule.saved_by_day))
                for rule in sorted(rules, key=_status_order)
            ],
            days=[(_date(day), day) for day in reversed(days[-TABLE_DAYS:])],
            day_curves=day_curves(days),
            ends=(_date(days[0]), _date(days[-1])) if days else None,
            points=points,
            sizes=sorted({point.capacity_bytes for point in points}),
            size_curves=size_curves(points),
            ratio_at={(point.policy, point.capacity_bytes): point.byte_miss_ratio for point in points},
            events=events,
            quotas=quotas,
            blacklist=blacklist,
            own_url=f"/caches?{urlencode({'cache': selected.cache})}",
            size=format_bytes,
            width=WIDTH,
            height=HEIGHT,
            spark_width=SPARK_WIDTH,
            spark_height=SPARK_HEIGHT,
            **live,
        )

    @routes.post("/caches/suggestions/{ruling}", include_in_schema=False)
    def decide(request: Request, ruling: Ruling, form: Annotated[dict[str, str], Depends(form_fields)]) -> Response:
        require_role(request, Role.EXPERT)
        kind, _, target = form.get("rule", "").partition(" ")
        actor = form.get("actor", "")
        _decide(store, clock, form.get("cache", ""), kind, target, ruling, actor, form.get("reason", ""))
        return redirect_back(form, actor)


def _add_downloads(routes: APIRouter, store: Store, clock: Callable[[], float]) -> None:
    def download(name: str, cache: str, make: Callable[[StoredCache, list[StoredSuggestion]], XcacheFile]) -> Response:
        with store.read() as tx:
            selected = _cache_or_404(_chosen(caches.stored_caches(tx), cache))
            file = make(selected, suggestions.with_decisions(tx, selected.cache))
        if not file.lines:
            reasons = "; ".join(f"{rule.kind} {rule.target}: {rule.reason}" for rule in file.left_out)
            raise HTTPException(409, f"{name} would be empty. " + (reasons or "No suggestion is accepted."))
        disposition = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return PlainTextResponse(file.text(selected.cache, clock()), headers=disposition)

    @routes.get("/caches/quota.cfg", tags=["caches"], responses=NOT_FOUND | EMPTY, response_class=PlainTextResponse)
    def get_quotas(cache: Name = "") -> Response:
        """The accepted quotas, as XCache's libXrdPfcPurgeQuota reads them."""
        return download("quota.cfg", cache, lambda stored, rules: quota_file(stored.capacity_bytes, rules))

    @routes.get("/caches/blacklist.cfg", tags=["caches"], responses=NOT_FOUND | EMPTY, response_class=PlainTextResponse)
    def get_blacklist(cache: Name = "") -> Response:
        """The accepted refusals, as XCache's libXrdBlacklistDecision reads them."""
        return download("blacklist.cfg", cache, lambda _, rules: blacklist_file(rules))


def _add_api(routes: APIRouter, store: Store, clock: Callable[[], float]) -> None:
    @routes.get("/api/v1/caches", tags=["caches"], responses=UNAVAILABLE)
    def list_caches() -> list[StoredCache]:
        """The caches in shadow."""
        with store.read() as tx:
            return list(caches.stored_caches(tx))

    @routes.get("/api/v1/caches/days", tags=["caches"], responses=NOT_FOUND | UNAVAILABLE)
    def list_days(cache: Name = "", limit: Limit = SHOWN_DAYS) -> list[CacheDay]:
        """The newest days of a cache under LRU, oldest first."""
        with store.read() as tx:
            return list(caches.days(tx, _cache_or_404(_chosen(caches.stored_caches(tx), cache)).cache, limit))

    @routes.get("/api/v1/caches/curves", tags=["caches"], responses=NOT_FOUND | UNAVAILABLE)
    def list_curves(cache: Name = "") -> list[CurvePoint]:
        """What other sizes and policies would miss."""
        with store.read() as tx:
            return list(caches.curves(tx, _cache_or_404(_chosen(caches.stored_caches(tx), cache)).cache))

    @routes.get("/api/v1/caches/suggestions", tags=["caches"], responses=NOT_FOUND | UNAVAILABLE)
    def list_suggestions(cache: Name = "") -> list[StoredSuggestion]:
        """What is suggested for a cache, with trials and decisions."""
        with store.read() as tx:
            return suggestions.with_decisions(tx, _cache_or_404(_chosen(caches.stored_caches(tx), cache)).cache)

    @routes.get("/api/v1/caches/history", tags=["caches"], responses=NOT_FOUND | UNAVAILABLE)
    def list_history(cache: Name = "", limit: Limit = SHOWN_EVENTS) -> list[SuggestionEvent]:
        """What became of suggestions, and who decided, the newest first."""
        with store.read() as tx:
            return suggestions.history(tx, _cache_or_404(_chosen(caches.stored_caches(tx), cache)).cache, limit)

    @routes.post(
        "/api/v1/caches/suggestions/{ruling}",
        tags=["caches"],
        responses=REFUSED | UNAVAILABLE,
        status_code=204,
        dependencies=[Depends(require_token)],
    )
    def decide_suggestion(request: Request, ruling: Ruling, body: SuggestionRuling, cache: Name = "") -> None:
        """Accept or reject a suggestion; decisions are kept. Nothing acts on a cache by itself."""
        require_role(request, Role.EXPERT)
        with store.read() as tx:
            selected = _cache_or_404(_chosen(caches.stored_caches(tx), cache))
        actor = actor_of(request, body.actor)
        _decide(store, clock, selected.cache, body.kind, body.target, ruling, actor, body.reason)


def _decide(
    store: Store,
    clock: Callable[[], float],
    cache: str,
    kind: str,
    target: str,
    ruling: Ruling,
    actor: str,
    reason: str,
) -> None:
    actor, reason = checked_texts(actor, reason, "The reason", required=ruling == "rejected")
    with store.begin() as tx:
        if not suggestions.decide(tx, cache, kind, target, ruling, actor, reason, clock()):
            raise HTTPException(404, f"Nothing is suggested for {cache} that is called {kind} {target}.")


def _status_order(rule: StoredSuggestion) -> int:
    """Those that are worth a decision come first; within a status the greatest saving stays first."""
    return ["active", "on trial", "withdrawn"].index(rule.status)


def _date(day: CacheDay) -> str:
    return datetime.fromtimestamp(day.day * DAY_S, UTC).date().isoformat()


def _chosen(stored: Sequence[StoredCache], cache: str) -> StoredCache | None:
    """The one of this name, the first without a name; None if there is no cache. Raises HTTPException 404."""
    if not stored:
        return None
    for candidate in stored:
        if cache in ("", candidate.cache):
            return candidate
    raise HTTPException(404, f"There is no cache {cache}.")


def _cache_or_404(selected: StoredCache | None) -> StoredCache:
    if selected is None:
        raise HTTPException(404, "No cache is in shadow yet: nightshift cache suggest TRACE --cache NAME")
    return selected
