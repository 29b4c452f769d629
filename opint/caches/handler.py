"""The handler of file accesses: suggestions stay on trial on what caches report."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import structlog

from conf.settings import Settings
from opint.caches.ingest import AccessArrival, AccessIngest, AccessIngestResult
from opint.caches.kind import NAME
from opint.consumer.handler import RetentionSweep, StreamHandler, decoded
from opint.consumer.heartbeat import StreamHeartbeat
from opint.consumer.stalls import StallDetector
from opint.consumer.transaction import ConsumerOffsets
from opint.store.engine import Store
from rl_cache.traces.trace import Trace
from rl_cache.trials.shadow import Trials, advance
from rl_cache.trials.suggestions import TrialStatus
from streams.errors import DecodeError, FencedError, Unavailable
from streams.metrics import Metrics
from streams.records import AccessBatch
from streams.source import Loss, Message, Partition, Source

MAX_WAITING_ACCESSES = 200_000
"""When as many accesses wait, the next transaction comes early."""

Decode = Callable[[Message], AccessBatch]
"""Raises DecodeError for a message that is unusable."""

log = structlog.get_logger()


class AccessHandler(StreamHandler[AccessIngest]):
    """Handler of :func:`streams.loop.run` that tries suggestions on accesses.

    Accesses wait in memory, undecided, until ``store_every_s`` has passed or there are many, since a transaction
    writes the content of all caches in shadow. What waits is lost with the process and delivered again, since
    its offsets are not stored; so ``handle`` returns none, and the source is told of stored offsets from here.
    """

    def __init__(
        self,
        source: Source,
        ingest: AccessIngest,
        decode: Decode,
        heartbeat: StreamHeartbeat,
        retention: RetentionSweep,
        metrics: Metrics,
        store_every_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the collaborators; ``clock`` gives seconds, of which only differences count."""
        super().__init__(ingest, heartbeat, retention)
        self._source = source
        self._decode = decode
        self._batch_seconds = metrics.batch_seconds.labels(NAME)
        self._store_every_s = store_every_s
        self._clock = clock
        self._waiting: dict[tuple[Partition, int], AccessArrival] = {}
        self._waiting_accesses = 0
        self._since_s = clock()
        self._untried: set[str] = set()

    def claim(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]:
        """Take partitions over; where each goes on. What waits of them will be delivered again."""
        self._drop(set(partitions))
        return super().claim(partitions)

    def handle(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        """Take the messages in."""
        if not self._waiting:
            self._since_s = self._clock()
        for message in messages:
            arrival = AccessArrival(message, decoded(self._decode, message))
            self._waiting[message.partition, message.offset] = arrival
            self._waiting_accesses += arrival.accesses
        return {}

    def lost(self, loss: Loss) -> None:
        """Store what came before; then raise the alarm."""
        self._store({loss.partition})
        super().lost(loss)

    def tick(self) -> None:
        """Store what waits when it is time, or when many accesses wait; then as :meth:`StreamHandler.tick`."""
        due = self._clock() - self._since_s >= self._store_every_s
        if due or self._waiting_accesses >= MAX_WAITING_ACCESSES:
            self._store({partition for partition, _ in self._waiting})
        super().tick()

    def finish(self) -> None:
        """Store what waits at the end of the process; where that fails, it will be delivered again."""
        try:
            self._store({partition for partition, _ in self._waiting})
        except (Unavailable, FencedError) as error:
            log.warning("left for the next start", messages=len(self._waiting), reason=str(error))

    def stopped(self) -> None:
        """Store what waits; then as :meth:`StreamHandler.stopped`."""
        self.finish()
        super().stopped()

    def _store(self, partitions: set[Partition]) -> None:
        """Apply the waiting arrivals of these partitions."""
        messages = [arrival.message for (partition, _), arrival in self._waiting.items() if partition in partitions]
        if not messages:
            return
        try:
            stored = super().handle(messages)
        except FencedError as error:
            self._drop(partitions if error.partition is None else {error.partition})
            raise
        self._drop(partitions)
        self._source.processed(stored)

    def _judge(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        with self._batch_seconds.time():
            return self._apply([self._waiting[message.partition, message.offset] for message in messages])

    def _refuse(self, message: Message, error: DecodeError) -> Mapping[Partition, int]:
        return self._apply([AccessArrival(message, error)])

    def _apply(self, arrivals: Sequence[AccessArrival]) -> Mapping[Partition, int]:
        result = self._ingest.apply(arrivals)
        self._heartbeat.handled(
            [arrival.message for arrival in arrivals], sum(arrival.accesses for arrival in arrivals)
        )
        self._heartbeat.unusable(result.letters)
        self._log_progress(result)
        return result.next_offsets

    def _drop(self, partitions: set[Partition]) -> None:
        self._waiting = {place: arrival for place, arrival in self._waiting.items() if place[0] not in partitions}
        self._waiting_accesses = sum(arrival.accesses for arrival in self._waiting.values())

    def _log_progress(self, result: AccessIngestResult) -> None:
        for cache, progress in result.progress.items():
            if progress is None:
                if cache not in self._untried:
                    log.info("nothing is tried on this cache: run nightshift cache suggest", cache=cache)
                self._untried.add(cache)
                continue
            log.info("accesses tried", cache=cache, number=progress.served)
            if progress.left_out:
                why = progress.error or "too late, or from the future"
                log.warning("accesses left out", cache=cache, number=progress.left_out, why=why)
            for change in progress.status_changes:
                write = log.warning if change.status == TrialStatus.WITHDRAWN else log.info
                rule = f"{change.kind} {change.target}"
                write(f"suggestion {change.status}", cache=cache, rule=rule, why=change.reason)


def access_handler(
    settings: Settings, store: Store, decode: Decode, source: Source, metrics: Metrics, name: str
) -> AccessHandler:
    """A watcher under a ``name`` that no other has."""
    group = settings.cache.group
    offsets = ConsumerOffsets(store, group, name, time.time, settings.stream.dead_letter_bytes)
    stalls = StallDetector.of(settings, group, None)
    heartbeat = StreamHeartbeat(name, NAME, source, store, metrics, stalls, time.time)
    retention = RetentionSweep(store, settings.database.retain_days, time.time)
    ingest = AccessIngest(store, offsets, time.time)
    return AccessHandler(source, ingest, decode, heartbeat, retention, metrics, settings.cache.store_every_s)


def warm_up() -> None:
    """Compile before the source is opened, so that no time of the consumer session is spent on it."""
    advance(Trials.start((), 1), Trace(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1, np.int64)))
