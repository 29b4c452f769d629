"""The handler of a stream of lumisections: decode, score, write."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, Protocol

import structlog

from dqm.core.quality import Quality
from dqm.core.state import LumisectionState, ScoredBatch
from opint.consumer.handler import RetentionSweep, StreamHandler, decoded
from opint.consumer.heartbeat import StreamHeartbeat, log_incidents
from opint.consumer.stalls import StallDetector
from opint.lumisections.ingest import Arrival, IngestResult, LumisectionIngest
from opint.lumisections.judge import Record, RecordJudge
from opint.store.engine import Store
from opint.store.errors import StoreError
from streams.errors import DecodeError, FencedError, Unavailable
from streams.metrics import Metrics
from streams.source import Message, Partition, Source

log = structlog.get_logger()


class PreparesRuns(Protocol):
    """Chooses what lumisections are judged by when the first of a run, or of a stretch of it, comes."""

    def parts(
        self, messages: Sequence[Message], batches: Sequence[Record | DecodeError]
    ) -> Iterator[tuple[Sequence[Message], Sequence[Record | DecodeError]]]:
        """The messages in parts, each of which must be stored before the next is taken."""


class LumisectionHandler(StreamHandler[LumisectionIngest], Generic[Record]):
    """Handler of :func:`streams.loop.run` that judges one stream: of histograms, or of trigger rates."""

    def __init__(
        self,
        stream: str,
        source: Source,
        decode: Callable[[Message], Record],
        pipeline: RecordJudge[Record],
        ingest: LumisectionIngest,
        store: Store,
        metrics: Metrics,
        name: str,
        clock: Callable[[], float],
        retain_days: float,
        stalls: StallDetector,
        shadow: RecordJudge[Record] | None = None,
        references: PreparesRuns | None = None,
    ) -> None:
        """Keep the collaborators; ``name`` tells this daemon from others in the store and in logs.

        ``stream`` is how metrics call what is judged. ``decode`` makes a record of a message and raises DecodeError
        for one that is unusable.
        """
        heartbeat = StreamHeartbeat(name, stream, source, store, metrics, stalls, clock)
        super().__init__(ingest, heartbeat, RetentionSweep(store, retain_days, clock))
        self.name = name
        self._stream = stream
        self._pipeline = pipeline
        self._shadow = shadow
        self._references = references
        self._decode = decode
        self._metrics = metrics
        self._clock = clock

    def tick(self) -> None:
        """Close what is due; then as :meth:`StreamHandler.tick`."""
        self._count(self._ingest.close_due())
        super().tick()

    def finish(self) -> None:
        """Close what is still open, because nothing can follow."""
        while (result := self._ingest.close_due(everything=True)).closed or result.set_aside:
            self._count(result)

    def _judge(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        return self._process(messages)

    def _process(self, messages: Sequence[Message], fault: DecodeError | None = None) -> Mapping[Partition, int]:
        results, elements = [], 0
        with self._metrics.batch_seconds.labels(self._stream).time():
            records = [decoded(self._decode, message) for message in messages]
            for part in self._parts(messages, records):
                arrivals = self._scored(*part)
                results.append(self._ingest.apply(arrivals, fault))
                elements += sum(_element_count(arrival) for arrival in arrivals)
        self._heartbeat.handled(messages, elements)
        for result in results:
            self._count(result)
        return {partition: offset for result in results for partition, offset in result.next_offsets.items()}

    def _refuse(self, message: Message, error: DecodeError) -> Mapping[Partition, int]:
        """Take the message in and set its lumisection aside; if not even that can be done, make a dead letter of it."""
        try:
            return self._process([message], error)
        except (Unavailable, FencedError, StoreError):
            raise
        except Exception as fault:
            log.debug("a message cannot be taken in", origin=message.origin, reason=str(fault))
        result = self._ingest.apply([Arrival(message, error)])
        self._heartbeat.handled([message], 0)
        self._count(result)
        return result.next_offsets

    def _parts(
        self, messages: Sequence[Message], records: Sequence[Record | DecodeError]
    ) -> Iterable[tuple[Sequence[Message], Sequence[Record | DecodeError]]]:
        return [(messages, records)] if self._references is None else self._references.parts(messages, records)

    def _scored(self, messages: Sequence[Message], records: Sequence[Record | DecodeError]) -> list[Arrival]:
        decoded = [record for record in records if not isinstance(record, DecodeError)]
        scored = iter(self._pipeline.score(decoded))
        shadow = iter(self._shadow.score(decoded) if self._shadow is not None else ())
        return [
            Arrival(message, record)
            if isinstance(record, DecodeError)
            else Arrival(message, next(scored), next(shadow, None), record.unread)
            for message, record in zip(messages, records, strict=True)
        ]

    def _count(self, result: IngestResult) -> None:
        """Metrics and log lines of what has been stored."""
        now_s = self._clock()
        for state in result.closed:
            self._metrics.lumisections.labels(self._stream, quality(state).name).inc()
            published_s = result.published_s.get((state.dataset, state.key))
            if published_s is not None:
                verdict_s = self._metrics.publish_to_verdict_seconds.labels(self._stream)
                verdict_s.observe(max(0.0, now_s - published_s))
        if result.set_aside:
            self._metrics.lumisections.labels(self._stream, Quality.NOT_INSPECTED.name).inc(len(result.set_aside))
        self._heartbeat.unusable(result.letters)
        log_incidents(result.alerts)


def _element_count(arrival: Arrival) -> int:
    """How many histograms or rates were scored."""
    return int(arrival.outcome.scores.present.sum()) if isinstance(arrival.outcome, ScoredBatch) else 0


def quality(state: LumisectionState) -> Quality:
    """The worst quality of the subsystems; NOT_INSPECTED if nothing was inspected."""
    return max((verdict.quality for verdict in state.verdicts.values()), default=Quality.NOT_INSPECTED)
