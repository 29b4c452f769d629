"""The placement plan: what to copy and delete next week, why, and what people decide about each line."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse

from conf.errors import NightshiftError
from opint.accounts.roles import Role
from opint.dashboard.actions import MOST_ACTOR, MOST_TEXT, checked_texts
from opint.dashboard.api import NOT_FOUND, REFUSED, UNAVAILABLE, Cursor, Limit, require_token
from opint.dashboard.identity import actor_of, require_role
from opint.dashboard.render import Renderer, form_fields, redirect_back
from opint.placement.rules import RuleOptions, rule_requests
from opint.placement.storage import plan_lines
from opint.store import placement
from opint.store.engine import Store
from opint.store.placement import PlanPage, StoredPlan, Verdict

SHOWN = 50
MOST_REQUESTS = 100_000

Name = Annotated[str, Query(max_length=200, description="of the catalogue; the plan made last if it is left out")]
Which = Annotated[
    Literal["planned", "left-out", "undecided", "accepted", "rejected"], Query(description="which lines of the plan")
]


class Ruling(BaseModel):
    """Who decides, and why."""

    actor: str = Field("", max_length=MOST_ACTOR, description="not needed where people sign in")
    reason: str = Field("", max_length=MOST_TEXT)


class RulingOnRest(Ruling):
    """The same about all that nobody has decided."""

    made_s: float = Field(description="when the plan was made that was looked at")


class Accepted(BaseModel):
    """What came of it."""

    lines: int = Field(description="how many were accepted by this")


def router(store: Store, clock: Callable[[], float], renderer: Renderer) -> APIRouter:
    """The page, and its part of the API."""
    routes = APIRouter()
    _add_page(routes, store, clock, renderer)
    _add_api(routes, store, clock)
    return routes


def _add_page(routes: APIRouter, store: Store, clock: Callable[[], float], renderer: Renderer) -> None:
    @routes.get("/placement", include_in_schema=False)
    def page(request: Request, catalogue: Name = "", which: Which = "planned", cursor: Cursor = None) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            plans = placement.newest(tx)
            plan = _chosen(plans, catalogue)
            if plan is None:
                return renderer.page(request, "placement.html", plan=None, **live)
            shown = placement.page(tx, plan, which=which, limit=SHOWN, skip=int(cursor or 0))
            undecided = placement.count_undecided(tx, plan)
        of = {"catalogue": plan.catalogue, "which": which}
        return renderer.page(
            request,
            "placement.html",
            plan=plan,
            plans=plans,
            which=which,
            shown=shown,
            undecided=undecided,
            own_url=f"/placement?{urlencode(of | ({'cursor': cursor} if cursor else {}))}",
            rest="&" + urlencode(of),
            **live,
        )

    @routes.post("/placement/undecided/accepted", include_in_schema=False)
    def accept_rest(request: Request, form: Annotated[dict[str, str], Depends(form_fields)]) -> Response:
        require_role(request, Role.EXPERT)
        actor, made_s = form.get("actor", ""), form.get("made_s", "")
        _accept_rest(store, clock, form.get("catalogue", ""), made_s, actor, form.get("reason", ""))
        return redirect_back(form, actor)

    @routes.post("/placement/{line}/{verdict}", include_in_schema=False)
    def decide(
        request: Request, line: str, verdict: Verdict, form: Annotated[dict[str, str], Depends(form_fields)]
    ) -> Response:
        require_role(request, Role.EXPERT)
        actor = form.get("actor", "")
        _decide(store, clock, form.get("catalogue", ""), line, verdict, actor, form.get("reason", ""))
        return redirect_back(form, actor)


def _add_api(routes: APIRouter, store: Store, clock: Callable[[], float]) -> None:
    @routes.get("/api/v1/placement", tags=["placement"], responses=UNAVAILABLE)
    def list_plans() -> list[StoredPlan]:
        """The newest plan of each catalogue."""
        with store.read() as tx:
            return placement.newest(tx)

    @routes.get("/api/v1/placement/lines", tags=["placement"], responses=NOT_FOUND | UNAVAILABLE)
    def list_lines(
        catalogue: Name = "", which: Which = "planned", limit: Limit = 50, cursor: Cursor = None
    ) -> PlanPage:
        """Lines of the newest plan, with what was decided about them."""
        with store.read() as tx:
            plan = _plan_or_404(_chosen(placement.newest(tx), catalogue))
            return placement.page(tx, plan, which=which, limit=limit, skip=int(cursor or 0))

    @routes.get("/api/v1/placement/rules", tags=["placement"], responses=NOT_FOUND | UNAVAILABLE)
    def get_rules(
        catalogue: Name = "",
        account: Annotated[str, Query(max_length=25)] = "nightshift",
        scope: Annotated[str, Query(max_length=25)] = "cms",
        activity: Annotated[str, Query(max_length=40)] = "Data Rebalancing",
        lifetime_weeks: Annotated[int, Query(ge=1, le=520)] = 13,
        ask_approval: bool = True,
    ) -> list[Any]:
        """The accepted lines of the newest plan as requests to Rucio."""
        with store.read() as tx:
            plan = _plan_or_404(_chosen(placement.newest(tx), catalogue))
            accepted = placement.page(tx, plan, which="accepted", limit=MOST_REQUESTS)
        # A plan copies to disks alone, so that each of its RSEs is one.
        disks = {line.rse for line in accepted.items}
        try:
            options = RuleOptions(account, lifetime_weeks, ask_approval, scope, activity)
            requests, _ = rule_requests(plan_lines(plan.week, accepted.items), disks, options)
        except NightshiftError as error:
            raise HTTPException(422, str(error)) from error
        return requests

    @routes.post(
        "/api/v1/placement/undecided/accepted",
        tags=["placement"],
        responses=REFUSED | UNAVAILABLE,
        dependencies=[Depends(require_token)],
    )
    def accept_undecided(request: Request, ruling: RulingOnRest, catalogue: Name = "") -> Accepted:
        """Accept every planned line of the newest plan about which nobody has decided."""
        require_role(request, Role.EXPERT)
        actor = actor_of(request, ruling.actor)
        return Accepted(lines=_accept_rest(store, clock, catalogue, repr(ruling.made_s), actor, ruling.reason))

    @routes.post(
        "/api/v1/placement/{line}/{verdict}",
        tags=["placement"],
        responses=REFUSED | UNAVAILABLE,
        status_code=204,
        dependencies=[Depends(require_token)],
    )
    def decide_line(request: Request, line: str, verdict: Verdict, ruling: Ruling, catalogue: Name = "") -> None:
        """Accept or reject a line of a plan; decisions are kept."""
        require_role(request, Role.EXPERT)
        with store.read() as tx:
            plan = _plan_or_404(_chosen(placement.newest(tx), catalogue))
        _decide(store, clock, plan.catalogue, line, verdict, actor_of(request, ruling.actor), ruling.reason)


def _decide(
    store: Store,
    clock: Callable[[], float],
    catalogue: str,
    line: str,
    verdict: Verdict,
    actor: str,
    reason: str,
) -> None:
    actor, reason = checked_texts(actor, reason, "The reason", required=verdict == "rejected")
    with store.begin() as tx:
        if not placement.decide(tx, catalogue, line, verdict, actor, reason, clock()):
            raise HTTPException(404, f"There is no line {line} in a plan of {catalogue}.")


def _accept_rest(store: Store, clock: Callable[[], float], catalogue: str, made_s: str, actor: str, reason: str) -> int:
    actor, reason = checked_texts(actor, reason, "The reason", required=False)
    with store.begin() as tx:
        plan = _plan_or_404(_chosen(placement.newest(tx), catalogue))
        if made_s != repr(plan.made_s):
            raise HTTPException(409, "The plan has been made again since you looked at it. Look again, then accept.")
        return placement.accept_rest(tx, plan.catalogue, plan.week, actor, reason, clock())


def _chosen(plans: list[StoredPlan], catalogue: str) -> StoredPlan | None:
    """The newest that fits; None if there is no plan. Raises HTTPException 404 if none fits."""
    if not plans:
        return None
    for plan in plans:
        if catalogue in ("", plan.catalogue):
            return plan
    raise HTTPException(404, f"There is no plan of {catalogue}.")


def _plan_or_404(plan: StoredPlan | None) -> StoredPlan:
    if plan is None:
        raise HTTPException(404, "No plan is stored yet: nightshift popularity plan TABLE ... --keep")
    return plan
