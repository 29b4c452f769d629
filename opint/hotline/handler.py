"""The event hotline of the daemon: events from a topic are scored, and the most surprising ones kept.

The events kept, the ladder after all events, the incident of a rate that cannot be held, and the offset of the messages
are written together or not at all. Nothing is kept between transactions.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from conf.settings import Settings
from dqm.core.bundle_files import BundleError
from dqm.events.bundle import load
from dqm.events.level import Ladder
from dqm.events.model import CENTRAL_95, FeatureError, HotlineModel, Scored, judge, score
from opint.consumer.handler import RetentionSweep, StreamHandler
from opint.consumer.heartbeat import StreamHeartbeat, log_incidents
from opint.consumer.stalls import JudgingModel, StallDetector
from opint.consumer.transaction import Clock, ConsumerOffsets, StreamIngest
from opint.hotline.kind import NAME, TRAINED_AS
from opint.incidents import operational
from opint.incidents.families import FAMILIES, HOTLINE_RATE, IncidentKey
from opint.incidents.operational import OperationalFault
from opint.incidents.update import IncidentUpdate
from opint.store import hotline, models
from opint.store.deadletters import DeadLetter
from opint.store.engine import Store
from opint.store.hotline import EventCount
from opint.store.incidents import Incident
from streams.errors import DecodeError
from streams.metrics import Metrics
from streams.records import EventFeatures
from streams.source import Message, Partition, Source

STRAINED, RELIEVED = 5.0, 3.0
"""Standard deviations between kept and declared at which the incident begins, and at which it ends."""


@dataclass(frozen=True, slots=True)
class EventArrival:
    """A message with its scored events, or why it is unusable."""

    message: Message
    outcome: Scored | DecodeError


@dataclass(frozen=True, slots=True)
class EventIngestResult:
    """What one transaction has stored: offsets behind the messages, numbers of events, unusable messages, incidents."""

    next_offsets: Mapping[Partition, int]
    judged_events: int
    kept_events: int
    letters: Sequence[DeadLetter]
    alerts: IncidentUpdate


class EventIngest(StreamIngest):
    """Writes arrivals and losses to the store on behalf of one consumer, ``owner``; keeps ``per_hour`` events."""

    def __init__(
        self, store: Store, model: HotlineModel, per_hour: float, offsets: ConsumerOffsets, clock: Clock
    ) -> None:
        """Keep the collaborators; ``clock`` gives s since 1970."""
        super().__init__(store, offsets, clock)
        self._model = model
        self._per_hour = per_hour
        self._usual = dict(zip(model.features, model.usual[:, CENTRAL_95].tolist(), strict=True))

    def apply(self, arrivals: Sequence[EventArrival]) -> EventIngestResult:
        """Judge these events; those of messages that were judged before are left alone.

        Raises as :meth:`transaction`.
        """
        with self.transaction(arrivals) as poll:
            scored = [arrival.outcome for arrival in poll.arrivals if isinstance(arrival.outcome, Scored)]
            # In the order of names, so that two daemons never wait for each other's ladders.
            kept_count, opened, cleared = 0, list[Incident](), list[Incident]()
            for dataset in sorted({events.events.dataset for events in scored}):
                of_dataset = [events for events in scored if events.events.dataset == dataset]
                alerts, kept_of_dataset = self._judge(poll.tx, dataset, of_dataset, poll.now_s)
                kept_count += kept_of_dataset
                opened += alerts.opened
                cleared += alerts.cleared
        event_count = sum(len(events.surprise) for events in scored)
        return EventIngestResult(
            poll.next_offsets, event_count, kept_count, poll.letters, IncidentUpdate(opened, cleared)
        )

    def _judge(
        self, tx: Connection, dataset: str, scored: Sequence[Scored], now_s: float
    ) -> tuple[IncidentUpdate, int]:
        """Incidents that came of it, and how many events are kept."""
        version = self._model.version
        ladder, counts = hotline.ladder(tx, dataset, version, self._model.start, now_s), []
        for events in scored:
            result = judge(self._model, ladder, events, self._per_hour)
            hotline.keep(tx, events.events, result.kept_events, self._usual, version, now_s)
            passed_s = ladder.passed(events.events.key, events.live_s)
            counts.append(EventCount(passed_s, len(events.surprise), len(result.kept_events)))
            ladder = result.ladder
        hotline.put(tx, dataset, version, ladder, now_s)
        hotline.count(tx, dataset, version, counts, now_s)
        kept_count = sum(hour.kept_events for hour in counts)
        return _update_rate_incident(tx, dataset, ladder, self._per_hour, now_s), kept_count


def _update_rate_incident(
    tx: Connection, dataset: str, ladder: Ladder, per_hour: float, now_s: float
) -> IncidentUpdate:
    """Begin or end the incident of a rate that is not held."""
    incident_key, strain = IncidentKey(dataset, "", HOTLINE_RATE, ""), ladder.strain(per_hour)
    if abs(strain) > STRAINED:
        many = "many" if strain > 0 else "few"
        title = f"Event hotline: far too {many} events are kept, {per_hour:g} an hour are declared"
        opened = operational.open_fault(
            tx, OperationalFault(incident_key, title, FAMILIES[HOTLINE_RATE].advice, "warning"), now_s
        )
        return IncidentUpdate(opened=[opened] if opened else [])
    if abs(strain) < RELIEVED:
        cleared = operational.clear_fault(tx, incident_key, "the declared rate is held again", now_s)
        return IncidentUpdate(cleared=[cleared] if cleared else [])
    return IncidentUpdate()


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
        self._heartbeat.handled([arrival.message for arrival in arrivals], stored.judged_events)
        self._heartbeat.unusable(stored.letters)
        self._kept.inc(stored.kept_events)
        log_incidents(stored.alerts)
        if stored.kept_events:
            log.info("events kept", kept_events=stored.kept_events, judged_events=stored.judged_events)
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
