"""The event hotline of the daemon: events from a topic are scored, and the most surprising ones kept."""

import time
from collections.abc import Callable, Mapping, Sequence

import structlog
from prometheus_client import Counter

from conf.settings import Settings
from dqm.core.bundle_files import BundleError
from dqm.events.bundle import load
from dqm.events.model import FeatureError, HotlineModel, Scored, score
from opint.consumer.handler import RetentionSweep, StreamHandler
from opint.consumer.heartbeat import StreamHeartbeat, log_incidents
from opint.consumer.offsets import ConsumerOffsets
from opint.consumer.stalls import JudgingModel, StallDetector
from opint.hotline.ingest import EventArrival, EventIngest
from opint.hotline.kind import NAME, TRAINED_AS
from opint.store import models
from opint.store.engine import Store
from streams.errors import DecodeError
from streams.metrics import Metrics
from streams.records import EventFeatures
from streams.source import Message, Partition, Source

Decode = Callable[[Message], EventFeatures]
"""Raises DecodeError for a message that is unusable."""

log = structlog.get_logger()


class EventHandler(StreamHandler[EventIngest]):
    """Handler of :func:`streams.loop.run` for messages of event features; scores before the transaction begins."""

    def __init__(
        self,
        ingest: EventIngest,
        model: HotlineModel,
        decode: Decode,
        heartbeat: StreamHeartbeat,
        retention: RetentionSweep,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators; a counter of kept events is added to ``metrics``."""
        super().__init__(ingest, heartbeat, retention)
        self._model = model
        self._decode = decode
        self._batch_seconds = metrics.batch_seconds.labels(NAME)
        self._kept = Counter("nightshift_events_kept", "Events kept by the hotline", registry=metrics.registry)

    def _judge(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        with self._batch_seconds.time():
            return self._apply([EventArrival(message, self._scored(message)) for message in messages])

    def _refuse(self, message: Message, error: DecodeError) -> Mapping[Partition, int]:
        return self._apply([EventArrival(message, error)])

    def _apply(self, arrivals: Sequence[EventArrival]) -> Mapping[Partition, int]:
        stored = self._ingest.apply(arrivals)
        self._heartbeat.handled([arrival.message for arrival in arrivals], stored.seen)
        self._heartbeat.unusable(stored.letters)
        self._kept.inc(stored.kept)
        log_incidents(stored.alerts)
        if stored.kept:
            log.info("events kept", kept=stored.kept, seen=stored.seen)
        return stored.next_offsets

    def _scored(self, message: Message) -> Scored | DecodeError:
        try:
            return score(self._model, self._decode(message))
        except DecodeError as error:
            return error
        except FeatureError as error:
            return DecodeError("other-features", "features", "", str(error))


def hotline_model(settings: Settings) -> HotlineModel:
    """The model that judges events, verified; raises BundleError, which says what to run."""
    try:
        return load(settings.dqm.models / settings.hotline.model)
    except BundleError as error:
        raise BundleError(f"events cannot be watched: {error}; or set hotline.watch to false") from error


def open_hotline(settings: Settings, store: Store) -> HotlineModel:
    """The model that judges events, on record."""
    model = hotline_model(settings)
    name, folder = settings.hotline.model, str(settings.dqm.models / settings.hotline.model)
    manifest = {"trained_s": model.trained_s, "features": list(model.features)}
    with store.begin() as tx:
        models.record(tx, model.version, name, folder, manifest, time.time())
    return model


def event_handler(
    settings: Settings,
    store: Store,
    model: HotlineModel,
    decode: Decode,
    source: Source,
    metrics: Metrics,
    name: str,
    clock: Callable[[], float] = time.time,
) -> EventHandler:
    """A hotline under a ``name`` that no other has; ``clock`` gives s since 1970."""
    offsets = ConsumerOffsets(store, settings.hotline.group, name, clock, settings.stream.dead_letter_bytes)
    ingest = EventIngest(store, model, settings.hotline.events_per_hour, offsets, clock)
    judging = JudgingModel(settings.hotline.model, model.version, model.trained_s, TRAINED_AS)
    stalls = StallDetector.of(settings, settings.hotline.group, judging)
    heartbeat = StreamHeartbeat(name, NAME, source, store, metrics, stalls, clock)
    retention = RetentionSweep(store, settings.database.retain_days, clock)
    return EventHandler(ingest, model, decode, heartbeat, retention, metrics)
