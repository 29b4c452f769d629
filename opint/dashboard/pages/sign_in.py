"""Signing in and out: by an account of ours, or by an OpenID Connect provider; and the admins' page of accounts."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse

from conf.dashboard import DashboardSettings
from opint.accounts.roles import Role
from opint.accounts.sign_in import SignInRefusedError, check_password, close_session, open_session
from opint.dashboard.identity import SESSION_COOKIE, client_address, identity_of, require_role
from opint.dashboard.oidc import OidcClient
from opint.dashboard.render import Renderer, form_fields, own_path
from opint.store import accounts
from opint.store.accounts import Account
from opint.store.engine import Store

EVENTS_SHOWN = 100

Next = Annotated[str, Query(max_length=2000, description="where to go afterwards")]


def router(store: Store, settings: DashboardSettings, clock: Callable[[], float], renderer: Renderer) -> APIRouter:
    """The pages of those ways to sign in that the settings name."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    hours = settings.sign_in.session_hours

    def welcome(request: Request, owner: Account, target: str) -> Response:
        token = open_session(store, owner, client_address(request), hours, clock())
        response = RedirectResponse(own_path(target), 303, {"Cache-Control": "no-store"})
        response.set_cookie(
            SESSION_COOKIE,
            token,
            max_age=int(hours * 3600),
            httponly=True,
            # Strict would ask people to sign in again who follow a link in a message.
            samesite="lax",
            secure=request.url.scheme == "https",
            path="/",
        )
        return response

    @routes.get("/sign-in")
    def page(request: Request, next: Next = "/") -> Response:  # noqa: A002 - the usual name in the address
        if identity_of(request) is not None:
            return RedirectResponse(own_path(next), 303)
        return _form(request, renderer, settings, own_path(next), "", 200)

    if settings.sign_in.accounts:

        @routes.post("/sign-in")
        def sign_in(request: Request, form: Annotated[dict[str, str], Depends(form_fields)]) -> Response:
            target = own_path(form.get("next", "/"))
            name = form.get("name", "").strip()
            try:
                owner = check_password(store, name, form.get("password", ""), client_address(request), clock())
            except SignInRefusedError as error:
                return _form(request, renderer, settings, target, str(error), 403)
            return welcome(request, owner, target)

    if settings.sign_in.oidc.issuer:
        client = OidcClient(settings.sign_in.oidc, settings.public_url)

        @routes.get("/sign-in/oidc")
        async def to_provider(request: Request, next: Next = "/") -> Response:  # noqa: A002 - as above
            request.session["next"] = own_path(next)
            return await client.redirect(request)

        @routes.get("/sign-in/oidc/callback")
        async def from_provider(request: Request) -> Response:
            target = str(request.session.pop("next", "/"))
            try:
                owner = await client.admit(request, store, clock())
            except SignInRefusedError as error:
                return _form(request, renderer, settings, target, str(error), 403)
            return await run_in_threadpool(welcome, request, owner, target)

    @routes.post("/sign-out")
    def sign_out(request: Request, form: Annotated[dict[str, str], Depends(form_fields)]) -> Response:  # noqa: ARG001 - its token is checked
        identity = identity_of(request)
        if identity is not None and (token := request.cookies.get(SESSION_COOKIE)):
            close_session(store, token, identity.account, client_address(request), clock())
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(SESSION_COOKIE, path="/")
        return response

    @routes.get("/accounts")
    def people(request: Request) -> HTMLResponse:
        if identity_of(request) is None:
            raise HTTPException(404, "Nobody signs in here: there are no accounts.")
        require_role(request, Role.ADMIN)
        with store.read() as tx:
            return renderer.page(
                request,
                "accounts.html",
                accounts=accounts.all_accounts(tx),
                tokens=accounts.all_tokens(tx),
                events=accounts.events(tx, EVENTS_SHOWN),
            )

    return routes


def _form(
    request: Request, renderer: Renderer, settings: DashboardSettings, target: str, refusal: str, status: int
) -> HTMLResponse:
    ways = settings.sign_in
    return renderer.page(
        request,
        "sign_in.html",
        status,
        with_password=ways.accounts,
        with_provider=bool(ways.oidc.issuer),
        target=target,
        refusal=refusal,
    )
