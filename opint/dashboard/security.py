"""What keeps other pages in the operator's browser, and other machines, away from this one.

Without sign-in the page binds to loopback only. That alone does not stop a foreign web page in the
same browser: it may send requests to loopback, under a name of its own that it points there (DNS
rebinding). Hence the check of the Host header, and for everything that changes something a token that
only our own pages know together with a check of the Origin header. Requests with an API token need neither: no
browser adds it by itself.
"""

import re
import secrets
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conf.dashboard import is_loopback
from opint.dashboard.failures import log_refusal
from opint.dashboard.identity import identity_of

CSRF_COOKIE = "nightshift_csrf"
MOST_BODY_BYTES = 64 * 1024
_TOKEN = re.compile(r"[\w-]{32}", re.ASCII)
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """ASGI middleware: refuses foreign Host headers and large bodies, adds the security headers."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        """Guard ``app``, which answers to loopback names and to that of ``public_url``."""
        self.app = app
        self._name = _hostname(public_url.partition("://")[2])
        self._https = public_url.startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if self._https:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        refusal = _refusal(scope, Headers(scope=scope), self._name)
        if refusal is not None:
            log_refusal(scope, refusal.status_code)
        await (refusal or self.app)(scope, receive, with_headers)


def _refusal(scope: Scope, headers: Headers, public_name: str) -> Response | None:
    host = headers.get("host", "")
    name = _hostname(host)
    if not (is_loopback(name) or (public_name and name == public_name)):
        names = f"loopback names and {public_name}" if public_name else "loopback names"
        return PlainTextResponse(f"This page answers to {names} only, not to {host[:80]!a}.\n", 421)
    # No name, number or text holds it, and PostgreSQL refuses it in the middle of a query.
    if b"%00" in scope["raw_path"] or b"%00" in scope["query_string"]:
        return PlainTextResponse("The address holds a NUL character.\n", 400)
    if "transfer-encoding" in headers:
        return PlainTextResponse("A Content-Length is required.\n", 411)
    if int(headers.get("content-length", "0")) > MOST_BODY_BYTES:
        return PlainTextResponse(f"More than {MOST_BODY_BYTES} bytes.\n", 413)
    return None


def _hostname(host: str) -> str:
    """The name in a Host header; empty for what is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def csrf_token(request: Request) -> str:
    """The browser's token: that of its cookie, or a new one to be set by :func:`keep_token`."""
    stored = request.cookies.get(CSRF_COOKIE, "")
    return stored if _TOKEN.fullmatch(stored) else secrets.token_urlsafe(24)


def keep_token(request: Request, response: Response, token: str) -> None:
    """Give the browser its token; no script can read it and no other site sends it."""
    secure = request.url.scheme == "https"
    response.set_cookie(CSRF_COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")


def check_token(request: Request, token: str) -> None:
    """Refuse with 403 a change that neither comes from one of our own pages nor shows an API token."""
    identity = identity_of(request)
    if identity is not None and identity.by_token:
        return
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.headers['host']}":
        raise HTTPException(403, "This request comes from another site.")
    expected = request.cookies.get(CSRF_COOKIE, "")
    if not expected or not secrets.compare_digest(expected.encode(), token.encode()):
        raise HTTPException(403, "The form's token is missing or out of date: reload the page and try again.")
