"""The dashboard as one ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles

from conf.errors import NightshiftError
from conf.settings import Settings
from opint.dashboard import (
    api,
    certificates,
    comparisons,
    events,
    health,
    hotline,
    pages,
    placement,
    popularity,
    triggers,
)
from opint.dashboard.security import Guard, refuse_outside
from opint.store.engine import Store
from opint.store.views import system
from opint.store.views.system import Marker

_STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings, store: Store, clock: Callable[[], float]) -> FastAPI:
    """Pages, API, events and health on one store; ``clock`` gives s since 1970.

    Raises SettingsError if ``dashboard.host`` is not a loopback name or address. The store is not closed.
    """
    refuse_outside(settings.dashboard.host)

    upgraded = _UpgradeCheck(store)

    def marker() -> Marker:
        upgraded()
        with store.read() as tx:
            return system.marker(tx)

    hub = events.Hub(marker, clock)
    # The usual documentation pages load their scripts from a CDN; /openapi.json is what tools need.
    app = FastAPI(
        title="nightshift",
        version=version("nightshift"),
        docs_url=None,
        redoc_url=None,
        lifespan=lambda _: _watching(hub),
    )
    app.state.hub = hub
    renderer = pages.Renderer(store, settings, clock)
    app.include_router(api.router(store, clock), dependencies=[Depends(upgraded)])
    app.include_router(health.router(store, hub, clock, settings.dashboard.stale_after_s))
    app.include_router(events.router(hub))
    app.include_router(pages.router(store, settings, clock, renderer), dependencies=[Depends(upgraded)])
    app.include_router(certificates.router(store, settings.certify, renderer), dependencies=[Depends(upgraded)])
    app.include_router(comparisons.router(store, renderer), dependencies=[Depends(upgraded)])
    app.include_router(triggers.router(store, renderer), dependencies=[Depends(upgraded)])
    app.include_router(hotline.router(store, settings, clock, renderer), dependencies=[Depends(upgraded)])
    app.include_router(popularity.router(store, renderer), dependencies=[Depends(upgraded)])
    app.include_router(placement.router(store, clock, renderer), dependencies=[Depends(upgraded)])
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    _add_problems(app, renderer)
    app.add_middleware(Guard)
    return app


class _UpgradeCheck:
    """Refuses to read tables of another release: asks until the answer was yes once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._passed = False

    def __call__(self) -> None:
        """Raise StoreError if the database has to be upgraded first."""
        if not self._passed:
            self._store.check_version()
            self._passed = True


@contextlib.asynccontextmanager
async def _watching(hub: events.Hub) -> AsyncIterator[None]:
    watch = asyncio.create_task(hub.run())
    yield
    hub.close()
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch


def _add_problems(app: FastAPI, renderer: pages.Renderer) -> None:
    """Errors are JSON for programs and pages for people."""

    @app.exception_handler(HTTPException)
    async def http_problem(request: Request, error: HTTPException) -> Response:
        if _for_program(request):
            return await http_exception_handler(request, error)
        return renderer.problem(request, error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def bad_request(request: Request, error: RequestValidationError) -> Response:
        if _for_program(request):
            return await request_validation_exception_handler(request, error)
        return renderer.problem(request, 422, "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()))

    @app.exception_handler(NightshiftError)
    async def away(request: Request, error: NightshiftError) -> Response:
        if _for_program(request):
            return JSONResponse({"detail": str(error)}, 503)
        return renderer.problem(request, 503, str(error))


def _for_program(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/static/", "/events"))
