"""The signs of life of a stream's handler: heartbeat, metrics, what it waits for, stalled partitions."""

from collections.abc import Callable, Iterable, Sequence

import structlog

from opint.consumer.stalls import StallDetector
from opint.incidents import acknowledgement
from opint.incidents.update import IncidentUpdate
from opint.store import heartbeats, incident_pages
from opint.store.deadletters import DeadLetter
from opint.store.engine import Store
from opint.store.heartbeats import Heartbeat
from streams.errors import Unavailable
from streams.metrics import Metrics
from streams.source import Message, Source

HEARTBEAT_SECONDS = 5.0

log = structlog.get_logger()


class StreamHeartbeat:
    """Reports for one handler under a unique ``name``; ``stream`` is the label of its metrics."""

    def __init__(
        self,
        name: str,
        stream: str,
        source: Source,
        store: Store,
        metrics: Metrics,
        stalls: StallDetector,
        clock: Callable[[], float],
    ) -> None:
        """Keep the collaborators; ``clock`` gives s since 1970."""
        self._stream = stream
        self._source = source
        self._store = store
        self._metrics = metrics
        self._stalls = stalls
        self._clock = clock
        self._heartbeat = Heartbeat(daemon=name, started_s=clock(), at_s=0.0, state="running")
        self._waiting_reason = ""

    def handled(self, messages: Sequence[Message], elements: int) -> None:
        """Count messages that are stored, and the histograms, rates or events scored in them."""
        self._heartbeat.messages += len(messages)
        self._heartbeat.histograms += elements
        self._metrics.messages.labels(self._stream).inc(len(messages))
        self._metrics.histograms.labels(self._stream).inc(elements)
        size = sum(len(message.value) for message in messages if isinstance(message.value, bytes))
        self._metrics.bytes.labels(self._stream).inc(size)
        self._metrics.last_progress.labels(self._stream).set(self._clock())

    def unusable(self, letters: Iterable[DeadLetter]) -> None:
        """Count and log messages that could not be used."""
        for letter in letters:
            self._metrics.dead_letters.labels(self._stream, letter.reason).inc()
            log.warning("dead letter", origin=letter.origin, why=letter.detail)

    def tick(self) -> None:
        """Store a heartbeat every HEARTBEAT_SECONDS; raises StoreUnavailable if the database is away."""
        if self._clock() - self._heartbeat.at_s >= HEARTBEAT_SECONDS:
            self._beat("waiting" if self._waiting_reason else "running")

    def waiting(self, reason: str) -> None:
        """Report that the stream waits; an empty reason ends that.

        If it waits for the database, this heartbeat cannot be stored.
        """
        self._waiting_reason = reason
        if reason:
            log.warning("waiting", reason=reason)
        else:
            log.info("going on")
        self._try_to_beat("waiting" if reason else "running")

    def stopped(self) -> None:
        """The last heartbeat, if the database can be reached: stopped on purpose, not dead."""
        self._try_to_beat("stopped")

    def waiting_reason(self) -> str:
        """Why the stream waits, for the health check; empty if it does not."""
        return self._waiting_reason

    def _try_to_beat(self, state: str) -> None:
        try:
            self._beat(state)
        except Unavailable as error:
            log.debug("no heartbeat", reason=str(error))

    def _beat(self, state: str) -> None:
        self._heartbeat.state = state
        self._heartbeat.detail = self._waiting_reason
        self._heartbeat.at_s = self._clock()
        lag = self._source.lag()
        for partition, messages in lag.items():
            self._metrics.lag.labels(partition.topic, str(partition.partition)).set(messages)
        self._heartbeat.lag = {
            f"{partition.topic}[{partition.partition}]": messages for partition, messages in lag.items()
        }
        with self._store.begin() as tx:
            heartbeats.beat(tx, self._heartbeat)
            alerts = self._stalls.check(tx, lag, self._heartbeat.at_s, self._waiting_reason)
            acknowledgement.expire(tx, self._heartbeat.at_s)
            states = incident_pages.counts(tx)
        log_incidents(alerts)
        self._metrics.incidents_open.set(states.get("open", 0) + states.get("acknowledged", 0))


def log_incidents(alerts: IncidentUpdate) -> None:
    """Log incidents that have opened and cleared."""
    for incident in alerts.opened:
        log.warning("incident opened", id=incident.id, title=incident.title, severity=incident.severity)
    for incident in alerts.cleared:
        log.info("incident cleared", id=incident.id, title=incident.title)
