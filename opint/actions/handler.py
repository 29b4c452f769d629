"""The handler of failing workflows: reports from a topic become tasks with suggestions."""

import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from conf.settings import Settings
from opint.actions.ingest import ReportArrival, WorkflowIngest
from opint.actions.kind import NAME
from opint.actions.predictors import Predictors
from opint.consumer.handler import RetentionSweep, StreamHandler, decoded
from opint.consumer.heartbeat import StreamHeartbeat, log_incidents
from opint.consumer.stalls import StallDetector
from opint.consumer.transaction import ConsumerOffsets
from opint.store.engine import Store
from streams.errors import DecodeError
from streams.metrics import Metrics
from streams.source import Message, Partition, Source
from streams.workflows import FailureReport

Decode = Callable[[Message], FailureReport]
"""Raises DecodeError for a message that is unusable."""

log = structlog.get_logger()


class WorkflowHandler(StreamHandler[WorkflowIngest]):
    """Handler of :func:`streams.loop.run` for reports of failing workflows."""

    def __init__(
        self,
        ingest: WorkflowIngest,
        decode: Decode,
        heartbeat: StreamHeartbeat,
        retention: RetentionSweep,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        super().__init__(ingest, heartbeat, retention)
        self._decode = decode
        self._batch_seconds = metrics.batch_seconds.labels(NAME)

    def _judge(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        with self._batch_seconds.time():
            return self._apply([ReportArrival(message, decoded(self._decode, message)) for message in messages])

    def _refuse(self, message: Message, error: DecodeError) -> Mapping[Partition, int]:
        return self._apply([ReportArrival(message, error)])

    def _apply(self, arrivals: Sequence[ReportArrival]) -> Mapping[Partition, int]:
        stored = self._ingest.apply(arrivals)
        self._heartbeat.handled([arrival.message for arrival in arrivals], stored.snapshots)
        self._heartbeat.unusable(stored.letters)
        log_incidents(stored.alerts)
        if stored.changed:
            log.info("failing tasks", reported=stored.snapshots, changed=stored.changed)
        return stored.next_offsets


def workflow_handler(
    settings: Settings,
    store: Store,
    predictors: Predictors,
    decode: Decode,
    source: Source,
    metrics: Metrics,
    name: str,
    clock: Callable[[], float] = time.time,
) -> WorkflowHandler:
    """A handler under a ``name`` that no other has; ``clock`` gives s since 1970."""
    group = settings.actions.group
    offsets = ConsumerOffsets(store, group, name, clock, settings.stream.dead_letter_bytes)
    ingest = WorkflowIngest(store, predictors, settings.actions, offsets, clock)
    stalls = StallDetector.of(settings, group, None)
    heartbeat = StreamHeartbeat(name, NAME, source, store, metrics, stalls, clock)
    retention = RetentionSweep(store, settings.database.retain_days, clock)
    return WorkflowHandler(ingest, decode, heartbeat, retention, metrics)
