"""What becomes of a request that fails: an answer to the client, and one line in the log.

Mistakes of a client (4xx) and a store that is away (503) are one line without a traceback, so that nobody can fill
the log or hold up the event loop by asking nonsense. What no route expected is answered with 500 and logged with its
traceback; so is an error of the database that a person has to mend, with 503.
"""

import json
import logging
from collections.abc import Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conf.errors import NightshiftError
from streams.errors import Unavailable

MOST_SHOWN = 200
"""Longest path, and longest wrong value, that is repeated to the log or the client."""

UNEXPECTED = "nightshift could not answer this request. The dashboard's log says why."
_REASON = "nightshift.reason"
"""Where a request's scope holds why the store could not answer; what a client has sent is never repeated."""
_FAULT = "nightshift.fault"
"""Where it holds an error of the database that a person has to mend."""
_PROGRAM_PATHS = ("/api/", "/static/", "/events", "/healthz", "/readyz", "/metrics", "/openapi.json")

Problem = Callable[[Request, int, str], Response]
"""Renders a problem as a page: request, status, what is wrong."""

log = structlog.get_logger()


class FailureLog:
    """ASGI middleware: logs each request that fails, and answers those that no route has answered."""

    def __init__(self, app: ASGIApp, problem: Problem) -> None:
        """Watch over ``app``; ``problem`` renders the page for what was not expected."""
        self._app, self._problem = app, problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status: int | None = None

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Before the client knows, so that whoever got an error finds it in the log.
                log_refusal(scope, status)
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        except ClientDisconnect:
            log.info("client left before its request was whole", **_request(scope))
        except Exception:
            log.exception("request failed", **_request(scope))
            if status is None:
                await answer(Request(scope), 500, UNEXPECTED, self._problem)(scope, receive, send)


def log_refusal(scope: Scope, status: int) -> None:
    """Write one line about an answer of 4xx or 5xx."""
    if status >= 400:
        reason = {"reason": scope[_REASON]} if _REASON in scope else {}
        level = logging.WARNING if status >= 500 else logging.INFO
        fault = {"exc_info": scope[_FAULT]} if _FAULT in scope else {}
        log.log(level, "request refused", status=status, **reason, **fault, **_request(scope))


def add_handlers(app: FastAPI, problem: Problem) -> None:
    """Answer errors with JSON for programs and with pages for people."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        response = answer(request, error.status_code, str(error.detail), problem)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        faults = error.errors()
        if any(fault["loc"][0] == "path" for fault in faults) and not for_program(request):
            return problem(request, 404, f"There is no page {request.url.path[:MOST_SHOWN]}.")
        return answer(request, 422, "; ".join(map(_explained, faults)), problem)

    @app.exception_handler(NightshiftError)
    async def unavailable(request: Request, error: NightshiftError) -> Response:
        request.scope[_REASON] = str(error)
        if error.__cause__ is not None and not isinstance(error, Unavailable):
            request.scope[_FAULT] = error
        return answer(request, 503, str(error), problem)


def _explained(fault: dict[str, Any]) -> str:
    name = ".".join(map(str, fault["loc"][1:])) or fault["loc"][0]
    if fault["type"] == "missing":
        return f"{name} is missing"
    value = repr(fault["input"])
    shown = value if len(value) <= MOST_SHOWN else value[:MOST_SHOWN] + "…"
    return f"{name} is {shown}: {fault['msg'].removeprefix('Input ').removeprefix('Value error, ')}"


def answer(request: Request, status: int, detail: str, problem: Problem) -> Response:
    """JSON for programs, a page for people."""
    if for_program(request):
        # In ASCII, because halves of surrogate pairs in what a client has sent cannot be written otherwise.
        return Response(json.dumps({"detail": detail}), status, media_type="application/json")
    return problem(request, status, detail)


def for_program(request: Request) -> bool:
    """Whether what asks is a program, which reads JSON, and not a person with a browser."""
    return request.url.path.startswith(_PROGRAM_PATHS)


def _request(scope: Scope) -> dict[str, str]:
    """Method and path as sent, which is ASCII and cannot break a line."""
    return {"method": scope["method"], "path": scope["raw_path"][:MOST_SHOWN].decode("ascii", "backslashreplace")}
