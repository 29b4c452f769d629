"""The dashboard as one ASGI application."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from conf.dashboard import DashboardSettings
from conf.settings import Settings
from opint.dashboard import alertmanager_api, api, failures, health, sse
from opint.dashboard.identity import PeerNote, SignInGate
from opint.dashboard.oidc import REMEMBERED_S
from opint.dashboard.pages import (
    caches,
    certificates,
    comparisons,
    hotline,
    incidents,
    labels,
    notifications,
    overview,
    placement,
    popularity,
    runs,
    shift,
    sign_in,
    silences,
    triggers,
    workflows,
)
from opint.dashboard.render import Renderer
from opint.dashboard.security import Guard
from opint.guidance import load_guidance
from opint.store import system
from opint.store.engine import Store
from opint.store.system import Marker

_STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings, store: Store, clock: Callable[[], float]) -> FastAPI:
    """Pages, API, events and health on one store; ``clock`` gives s since 1970.

    The store is not closed.
    """
    upgraded = _UpgradeCheck(store)

    def marker() -> Marker:
        upgraded()
        with store.read() as tx:
            return system.marker(tx)

    hub = sse.Hub(marker, clock)
    # The usual documentation pages load their scripts from a CDN; /openapi.json is what tools need.
    app = FastAPI(
        title="nightshift",
        version=version("nightshift"),
        docs_url=None,
        redoc_url=None,
        lifespan=lambda _: _watching(hub),
        responses={422: {"model": api.Problem}},
    )
    app.state.hub = hub
    renderer = Renderer(store, settings, clock)
    app.include_router(api.router(store, clock), dependencies=[Depends(upgraded)])
    app.include_router(health.router(store, hub, clock, settings.dashboard.stale_after_s))
    app.include_router(sse.router(hub))
    app.include_router(overview.router(store, settings, clock, renderer), dependencies=[Depends(upgraded)])
    guidance = load_guidance(settings.alerts.guidance)
    app.include_router(incidents.router(store, settings, guidance, clock, renderer), dependencies=[Depends(upgraded)])
    app.include_router(notifications.router(store, settings, clock, renderer), dependencies=[Depends(upgraded)])
    alertmanager = alertmanager_api.router(store, settings, guidance, clock)
    app.include_router(alertmanager, dependencies=[Depends(upgraded)])
    app.include_router(silences.router(store, clock, renderer), dependencies=[Depends(upgraded)])
    app.include_router(runs.router(store, renderer), dependencies=[Depends(upgraded)])
    app.include_router(certificates.router(store, settings.certify, renderer), dependencies=[Depends(upgraded)])
    app.include_router(comparisons.router(store, renderer), dependencies=[Depends(upgraded)])
    app.include_router(labels.router(store, clock, renderer), dependencies=[Depends(upgraded)])
    app.include_router(triggers.router(store, renderer), dependencies=[Depends(upgraded)])
    app.include_router(hotline.router(store, settings, clock, renderer), dependencies=[Depends(upgraded)])
    app.include_router(popularity.router(store, renderer), dependencies=[Depends(upgraded)])
    app.include_router(placement.router(store, clock, renderer), dependencies=[Depends(upgraded)])
    app.include_router(caches.router(store, clock, renderer), dependencies=[Depends(upgraded)])
    app.include_router(workflows.router(store, settings, clock, renderer), dependencies=[Depends(upgraded)])
    app.include_router(shift.router(store, settings, clock, renderer), dependencies=[Depends(upgraded)])
    app.include_router(sign_in.router(store, settings.dashboard, clock, renderer), dependencies=[Depends(upgraded)])
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    failures.add_handlers(app, renderer.problem)
    _add_middleware(app, settings.dashboard, store, clock, renderer)
    return app


def _add_middleware(
    app: FastAPI, settings: DashboardSettings, store: Store, clock: Callable[[], float], renderer: Renderer
) -> None:
    """What stands around all routes; what is added last sees a request first."""
    if settings.sign_in.oidc.issuer:
        from starlette.middleware.sessions import SessionMiddleware  # noqa: PLC0415 - only where a provider is configured

        # Its key lives as long as the process: who is at the provider during a restart signs in again.
        app.add_middleware(
            SessionMiddleware,
            secret_key=secrets.token_urlsafe(32),
            session_cookie="nightshift_provider",
            max_age=REMEMBERED_S,
            path="/sign-in",
            same_site="lax",
            https_only=settings.public_url.startswith("https:"),
        )
    if settings.sign_in.required:
        app.add_middleware(SignInGate, store=store, settings=settings, clock=clock, problem=renderer.problem)
    app.add_middleware(failures.FailureLog, problem=renderer.problem)
    app.add_middleware(Guard, public_url=settings.public_url)
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.trusted_proxies)
    app.add_middleware(PeerNote)


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
async def _watching(hub: sse.Hub) -> AsyncIterator[None]:
    watch = asyncio.create_task(hub.run())
    yield
    hub.close()
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch
