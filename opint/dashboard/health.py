"""Is it alive, is it of use, and how is it: ``/healthz``, ``/readyz``, ``/metrics``."""

from collections.abc import Callable, Iterable

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel

from conf.errors import NightshiftError
from opint.dashboard.alertmanager_api import API_VERSION
from opint.dashboard.sse import Hub
from opint.store import heartbeats, incident_pages, messages, notices, outbox, system
from opint.store.engine import Store
from opint.store.heartbeats import Heartbeat


class Health(BaseModel):
    """Whether it is well, and if not, why."""

    ok: bool
    reason: str = ""


def readiness(store: Store, now_s: float, stale_after_s: float) -> Health:
    """Ready means: the database answers and is of this release, and a daemon was heard lately."""
    try:
        store.check_version()
        with store.read() as tx:
            heard = heartbeats.newest(tx)
    except NightshiftError as error:
        return Health(ok=False, reason=str(error))
    return _heard(heard, now_s, stale_after_s)


def _heard(daemons: list[Heartbeat], now_s: float, stale_after_s: float) -> Health:
    if not daemons:
        return Health(ok=False, reason="no daemon has ever reported; start one with: nightshift run")
    age = now_s - daemons[0].at_s
    if age > stale_after_s:
        return Health(ok=False, reason=f"no heartbeat for {age:.0f} s (allowed: {stale_after_s:.0f} s)")
    return Health(ok=True)


class StoreCollector(Collector):
    """Prometheus metrics read from the store at each scrape."""

    def __init__(self, store: Store, hub: Hub, clock: Callable[[], float]) -> None:
        """Read ``store``, count the open pages of ``hub``."""
        self._store, self._hub, self._clock = store, hub, clock

    def collect(self) -> Iterable[Metric]:
        """All metrics; with the database away only those that need none."""
        yield GaugeMetricFamily("nightshift_dashboard_streams", "Pages that are open now.", self._hub.streams)
        yield _labelled("alertmanager_build_info", "Whose API /api/v2 is.", "version", {API_VERSION: 1.0})
        up = GaugeMetricFamily("nightshift_dashboard_database_up", "1 if the database answers.")
        try:
            self._store.check_version()
            with self._store.read() as tx:
                states, daemons = incident_pages.counts(tx), heartbeats.newest(tx)
                dead_letters = system.dead_letters(tx)
                sent, held_back, backlog = messages.counts(tx), notices.waiting(tx), outbox.backlog(tx)
        except NightshiftError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield GaugeMetricFamily("nightshift_dead_letters", "Messages that could not be used.", dead_letters)
        yield _labelled("nightshift_incidents", "Incidents.", "state", states)
        yield _labelled("nightshift_notifications", "Messages to receivers.", "state", sent)
        waited = 0.0 if backlog.since_s is None else max(0.0, self._clock() - backlog.since_s)
        yield GaugeMetricFamily("nightshift_outbox_age_seconds", "Since the oldest change waits.", waited)
        yield GaugeMetricFamily("nightshift_notices_held_back", "Calls that are due later or held back.", held_back)
        ages = {daemon.daemon: self._clock() - daemon.at_s for daemon in daemons}
        yield _labelled("nightshift_heartbeat_age_seconds", "Since a daemon was last heard.", "daemon", ages)
        lag = {partition: behind for daemon in daemons[::-1] for partition, behind in daemon.lag.items()}
        yield _labelled("nightshift_lag_messages", "Published and not yet delivered.", "partition", lag)


def _labelled(name: str, text: str, label: str, values: "dict[str, int] | dict[str, float]") -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def router(store: Store, hub: Hub, clock: Callable[[], float], stale_after_s: float) -> APIRouter:
    """The three routes."""
    routes = APIRouter(tags=["health"])
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StoreCollector(store, hub, clock))

    @routes.get("/healthz")
    def healthz() -> Health:
        """This process answers."""
        return Health(ok=True)

    @routes.get("/readyz", responses={503: {"model": Health}})
    def readyz(response: Response) -> Health:
        """The database answers, is of this release, and a daemon was heard lately; 503 and why otherwise."""
        health = readiness(store, clock(), stale_after_s)
        response.status_code = 200 if health.ok else 503
        return health

    @routes.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
