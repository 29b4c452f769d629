"""Who makes a request, and whether they may.

Without sign-in everybody who reaches the page, on loopback, may do everything and types a name. With sign-in each
request is of a session (cookie), of an API token (``Authorization: Bearer``), or of a person whom a trusted proxy
names; all others get the page for signing in, or 401.
"""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from urllib.parse import quote

import structlog
from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from conf.dashboard import DashboardSettings, ProxySignInSettings
from conf.errors import NightshiftError
from opint.accounts.roles import Identity, Role, granted_role
from opint.accounts.sign_in import Person, SignInRefusedError, admit, identify_session, identify_token
from opint.dashboard.failures import Problem, answer, for_program
from opint.store.engine import Store

SESSION_COOKIE = "nightshift_session"
SIGN_IN = "/sign-in"
_OPEN_TO_ALL = ("/static/", "/healthz", "/readyz", SIGN_IN)
_SAFE = {"GET", "HEAD"}
IDENTITY = "nightshift.identity"
"""Where a request's scope holds who makes it."""
_PEER = "nightshift.peer"

log = structlog.get_logger()


class PeerNote:
    """ASGI middleware: keeps the address of who is connected, before a proxy's headers are believed."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        scope[_PEER] = (scope.get("client") or ("", 0))[0]
        await self._app(scope, receive, send)


class SignInGate:
    """ASGI middleware: finds out who makes a request, and lets nobody else in. Viewers may only look."""

    def __init__(
        self, app: ASGIApp, store: Store, settings: DashboardSettings, clock: Callable[[], float], problem: Problem
    ) -> None:
        """Guard ``app``; ``clock`` gives s since 1970, ``problem`` renders refusals for people."""
        self._app, self._store, self._settings, self._clock, self._problem = app, store, settings, clock, problem
        self._proxies = [ip_network(part.strip()) for part in settings.trusted_proxies.split(",") if part.strip()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        path = request.url.path
        try:
            identity = await run_in_threadpool(self._identify, request)
        except NightshiftError as error:
            status = 403 if isinstance(error, SignInRefusedError) else 503
            await answer(request, status, str(error), self._problem)(scope, receive, send)
            return
        scope[IDENTITY] = identity
        if identity is None and not path.startswith(_OPEN_TO_ALL):
            await _sign_in_first(request)(scope, receive, send)
        elif identity and request.method not in _SAFE and identity.role < Role.SHIFTER and path != "/sign-out":
            await answer(request, 403, _refusal(identity, Role.SHIFTER), self._problem)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _identify(self, request: Request) -> Identity | None:
        now_s = self._clock()
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return identify_token(self._store, token.strip(), now_s)
        proxy = self._settings.sign_in.proxy
        if proxy.user_header and (user := request.headers.get(proxy.user_header)):
            if self._is_trusted(request.scope[_PEER]):
                return self._vouched(request, user, proxy, now_s)
            log.warning("a header that names a person is not believed", address=request.scope[_PEER])
        token = request.cookies.get(SESSION_COOKIE, "")
        return identify_session(self._store, token, now_s) if token else None

    def _is_trusted(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)

    def _vouched(self, request: Request, user: str, proxy: ProxySignInSettings, now_s: float) -> Identity:
        groups = [group.strip() for group in request.headers.get(proxy.groups_header or "-", "").split(",")]
        role = granted_role(groups, parse_roles(proxy.roles), parse_role(proxy.default_role))
        if role is None:
            raise SignInRefusedError(f"{user[:80]!r} is in no group that has a role here; ask an administrator.")
        real_name = request.headers.get(proxy.name_header or "-", "") or user
        owner = admit(self._store, Person(user, real_name, role, "proxy", user), now_s)
        return Identity(owner.name, owner.real_name, Role.of(owner.role))


def _sign_in_first(request: Request) -> Response:
    if for_program(request):
        return JSONResponse({"detail": "Sign in first, or send an API token."}, 401, {"WWW-Authenticate": "Bearer"})
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    where = f"{SIGN_IN}?next={quote(back)}" if request.method in _SAFE and back != "/" else SIGN_IN
    return RedirectResponse(where, 303, {"Cache-Control": "no-store"})


def identity_of(request: Request) -> Identity | None:
    """Who makes the request; None where nobody has to sign in."""
    identity: Identity | None = request.scope.get(IDENTITY)
    return identity


def require_role(request: Request, role: Role) -> None:
    """Raise HTTPException 403 unless who makes the request may do what ``role`` may."""
    identity = identity_of(request)
    if identity is not None and identity.role < role:
        raise HTTPException(403, _refusal(identity, role))


def actor_of(request: Request, typed: str) -> str:
    """The name that stands on an action: of the account that has signed in, else the one that was typed."""
    identity = identity_of(request)
    return typed if identity is None else identity.signature


def client_address(request: Request) -> str:
    """The address of who makes the request, as far as trusted proxies say."""
    return request.client.host if request.client else ""


def parse_roles(text: str) -> dict[str, Role]:
    """``GROUP=ROLE, …`` of the settings, as a mapping."""
    pairs = (pair.strip().rpartition("=") for pair in text.split(",") if pair.strip())
    return {group: Role.of(label) for group, _, label in pairs}


def parse_role(label: str) -> Role | None:
    """A role's name of the settings; None for ``none``."""
    return None if label == "none" else Role.of(label)


def _refusal(identity: Identity, role: Role) -> str:
    return f"{identity.real_name} is {identity.role.label}; this needs the role {role.label}."
