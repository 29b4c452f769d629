"""Messages to receivers: what was sent, what waits and what is dead; dead ones are sent again from here."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel
from starlette.responses import HTMLResponse

from conf.settings import Settings
from opint.accounts.roles import Role
from opint.dashboard.actions import MOST_ACTOR, checked_texts
from opint.dashboard.api import NOT_FOUND, REFUSED, UNAVAILABLE, Cursor, Limit, Number, require_token
from opint.dashboard.identity import actor_of, require_role
from opint.dashboard.render import Renderer, form_fields, own_url, redirect_back
from opint.store import messages, notices, outbox
from opint.store.engine import Store
from opint.store.messages import NotDeadError, State, UnknownMessageError

SHOWN = 50


class MessageView(BaseModel):
    """A message without its text; ``key`` is the same in all attempts to send it."""

    id: int
    key: str
    receiver: str
    subject: str
    incidents: int
    composed_s: float
    due_s: float | None
    state: State
    attempts: int
    answered_s: float | None
    error: str


class MessagePage(BaseModel):
    """A page of messages; ``next`` is the cursor of the following page, null at the end."""

    items: list[MessageView]
    next: str | None


def router(store: Store, settings: Settings, clock: Callable[[], float], renderer: Renderer) -> APIRouter:
    """The page, and its part of the API."""
    routes = APIRouter()

    @routes.get("/notifications", include_in_schema=False)
    def page(request: Request, state: Annotated[State | None, Query()] = None, cursor: Cursor = None) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            shown, following = messages.page(tx, state=state, limit=SHOWN, before=int(cursor) if cursor else None)
            counts, held_back, backlog = messages.counts(tx), notices.waiting(tx), outbox.backlog(tx)
        return renderer.page(
            request,
            "notifications.html",
            shown=shown,
            following=following,
            counts=counts,
            held_back=held_back,
            backlog=backlog,
            which=state or "",
            receivers=settings.notifications.receivers,
            routes=settings.notifications.routes,
            request_url=own_url(request),
            **live,
        )

    @routes.post("/notifications/{number}/resend", include_in_schema=False)
    def resend(request: Request, number: Number, form: Annotated[dict[str, str], Depends(form_fields)]) -> Response:
        require_role(request, Role.SHIFTER)
        actor = form.get("actor", "")
        _resend(store, number, actor, clock())
        return redirect_back(form, actor)

    @routes.get("/api/v1/notifications", tags=["notifications"], responses=UNAVAILABLE)
    def list_messages(state: State | None = None, limit: Limit = 50, cursor: Cursor = None) -> MessagePage:
        """Messages, newest first."""
        with store.read() as tx:
            items, following = messages.page(tx, state=state, limit=limit, before=int(cursor) if cursor else None)
        views = [MessageView.model_validate(message, from_attributes=True) for message in items]
        return MessagePage(items=views, next=following)

    @routes.post(
        "/api/v1/notifications/{number}/resend",
        tags=["notifications"],
        responses=REFUSED | NOT_FOUND | UNAVAILABLE,
        status_code=204,
        dependencies=[Depends(require_token)],
    )
    def resend_message(
        request: Request, number: Number, actor: Annotated[str, Query(max_length=MOST_ACTOR)] = ""
    ) -> None:
        """Send a dead message again, under its key."""
        require_role(request, Role.SHIFTER)
        _resend(store, number, actor_of(request, actor), clock())

    return routes


def _resend(store: Store, number: int, actor: str, now_s: float) -> None:
    checked_texts(actor, "", "The reason", required=False)
    try:
        with store.begin() as tx:
            messages.resend(tx, number, now_s)
    except NotDeadError as error:
        raise HTTPException(409, str(error)) from error
    except UnknownMessageError as error:
        raise HTTPException(404, str(error)) from error
