"""The front page with the one sentence that an operator who looks once must know, and the state of the system."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from conf.settings import Settings
from dqm.core.quality import Quality
from opint.dashboard.api import Cursor
from opint.dashboard.filters import few
from opint.dashboard.render import Renderer, own_url
from opint.notifications import causes, silencing
from opint.store import deadletters, heartbeats, incident_pages, messages, outbox, runs, system
from opint.store.engine import Store
from opint.store.heartbeats import Heartbeat
from opint.store.incident_pages import Incident
from opint.wording import clock_time, counted

Level = Literal["good", "warning", "bad", "unknown"]


@dataclass(frozen=True, slots=True)
class Status:
    """``headline`` in a few words, ``more`` a sentence on it: the title of an incident that opened at ``newest_s``."""

    level: Level
    headline: str
    more: str
    newest_s: float | None = None


@dataclass(frozen=True, slots=True)
class Staleness:
    """Whether what is shown may be out of date; ``since_s`` is when news stopped, None if there never were any."""

    stale: bool
    since_s: float | None
    why: str


def staleness(daemons: list[Heartbeat], now_s: float, stale_after_s: float) -> Staleness:
    """Stale means that no running daemon was heard within ``stale_after_s``."""
    if not daemons:
        return Staleness(True, None, "No daemon has ever reported to this database.")
    last = daemons[0]
    if now_s - last.at_s > stale_after_s:
        return Staleness(True, last.at_s, f"Daemon {last.daemon} was heard last at {clock_time(last.at_s)}.")
    running = [daemon for daemon in daemons if now_s - daemon.at_s <= stale_after_s and daemon.state == "running"]
    if not running:
        return Staleness(True, last.at_s, f"Daemon {last.daemon} is {last.state}: {last.detail or 'no reason given'}.")
    return Staleness(False, last.at_s, "")


SUSPICIOUS_SHARE = 0.25
"""Share of the lumisections shown from which on warnings without an incident are themselves the headline."""


def overall(
    counts: dict[str, int],
    newest: Incident | None,
    stale: Staleness,
    *,
    judged: int,
    suspicious: int = 0,
    critical: bool = True,
) -> Status:
    """The headline. Open incidents come first; then silence; only then may anything be called good.

    ``judged`` counts the lumisections of all subsystems that the page shows, ``suspicious`` those of them with a
    warning or worse; ``critical`` says whether an open incident is.
    """
    number = counts.get("open", 0)
    if number and newest is not None:
        headline = counted(number, "open incident")
        return Status("bad" if critical else "warning", headline, newest.title, newest.opened_s)
    if stale.stale:
        since = (
            "Nothing has been received yet" if stale.since_s is None else f"No news since {clock_time(stale.since_s)}"
        )
        return Status("unknown", since, f"{stale.why} What follows may be out of date.")
    if not judged:
        return Status("unknown", "Waiting for lumisections", "The daemon runs; nothing has been judged yet.")
    acknowledged = counts.get("acknowledged", 0)
    if acknowledged:
        return Status("warning", "No open incidents", f"{acknowledged} acknowledged and not yet resolved.")
    warned = f"{suspicious} of the {judged} lumisections shown have a warning or worse"
    if suspicious >= SUSPICIOUS_SHARE * judged:
        return Status("warning", "No open incidents, many warnings", f"{warned}: open the yellow ones below.")
    return Status(
        "good",
        "No open incidents",
        f"Data arrive and are judged; {warned}." if suspicious else "Data arrive and are judged.",
    )


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
