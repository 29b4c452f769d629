"""The front page and the state of the system: daemons, offsets, models, dead letters."""

import statistics
from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from conf.settings import Settings
from dqm.core.quality import Quality
from opint.dashboard.api import Cursor
from opint.dashboard.filters import few
from opint.dashboard.render import Renderer, own_url
from opint.dashboard.status import overall, staleness
from opint.notifications import causes, silencing
from opint.store import deadletters, heartbeats, incident_pages, messages, outbox, runs, system
from opint.store.engine import Store
from opint.store.heartbeats import Heartbeat

STRIP_LENGTH = 120
OPEN_SHOWN = 50
RECENT_S = 60.0


def router(store: Store, settings: Settings, clock: Callable[[], float], renderer: Renderer) -> APIRouter:
    """The two pages."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/")
    def overview(request: Request) -> HTMLResponse:
        live, now_s = renderer.live(), clock()
        with store.read() as tx:
            active = incident_pages.gravest(tx, OPEN_SHOWN)
            counts, daemons = incident_pages.counts(tx), heartbeats.newest(tx)
            strips, newest = runs.strips(tx, STRIP_LENGTH), runs.latest(tx, 1)
            recent, delays = system.closed_since(tx, now_s - RECENT_S)
            resolved = incident_pages.recently_resolved(tx, 8)
            silenced = silencing.hidden_incidents(tx, now_s)
            follows = causes.of_active(tx, [incident.id for incident in active], settings)
        cells = [cell for strip in strips for cell in strip.cells]
        suspicious = sum(cell.quality >= Quality.WARNING and not few(cell) for cell in cells)
        stale = staleness(daemons, now_s, settings.dashboard.stale_after_s)
        unseen = max(
            (incident for incident in active if incident.state == "open"),
            key=lambda incident: incident.id,
            default=None,
        )
        critical = any(incident.state == "open" and incident.severity == "critical" for incident in active)
        return renderer.page(
            request,
            "overview.html",
            active=active,
            silenced=silenced,
            follows=follows,
            strips=strips,
            newest=newest[0] if newest else None,
            daemons=daemons,
            running=sum(
                daemon.state == "running" and now_s - daemon.at_s <= settings.dashboard.stale_after_s
                for daemon in daemons
            ),
            stale=stale,
            recent=recent,
            delay_s=statistics.median(delays) if delays else None,
            resolved=resolved,
            lag=sum(lag_by_partition(daemons).values()),
            status=overall(counts, unseen, stale, judged=len(cells), suspicious=suspicious, critical=critical),
            suspicious=suspicious,
            counts=counts,
            **live,
        )

    @routes.get("/system")
    def system_page(request: Request, cursor: Cursor = None) -> HTMLResponse:
        live = renderer.live()
        with store.read() as tx:
            state = system.load_system(tx)
            sent, backlog = messages.counts(tx), outbox.backlog(tx)
            letters = deadletters.page(tx, limit=25, before=int(cursor) if cursor else None)
        return renderer.page(
            request,
            "system.html",
            state=state,
            letters=letters,
            messages=sent,
            backlog=backlog,
            receivers=settings.notifications.receivers,
            lag=lag_by_partition(state.daemons),
            request_url=own_url(request),
            **live,
        )

    return routes


def lag_by_partition(daemons: list[Heartbeat]) -> dict[str, int]:
    """Messages behind by partition; of one that several daemons name, the daemon heard last knows."""
    return {partition: behind for daemon in reversed(daemons) for partition, behind in daemon.lag.items()}
