"""The handler of ``nightshift cache watch``: suggestions stay on trial on the accesses that caches report."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import structlog

from conf.settings import Settings
from opint.caches.ingest import AccessArrival, AccessIngest, AccessIngestResult
from opint.consumer.offsets import ConsumerOffsets
from opint.consumer.poison import PoisonIsolation
from opint.store.engine import Store
from rl_cache.traces.trace import Trace
from rl_cache.trials.shadow import Trials, advance
from rl_cache.trials.suggestions import TrialStanding
from streams import loop
from streams.codecs.accesses import AccessLimits, decode_accesses
from streams.errors import DecodeError, FencedError, Unavailable
from streams.kafka import KafkaSource
from streams.records import AccessBatch
from streams.source import Loss, Message, Partition, Source

MAX_WAITING_ACCESSES = 200_000
"""When as many accesses wait, the next transaction comes early."""

log = structlog.get_logger()


class AccessHandler:
    """Handler of :func:`streams.loop.run` that tries suggestions on accesses.

    Accesses wait in memory, undecided, until ``store_every_s`` has passed or there are many, since a transaction
    writes the content of all caches in shadow. What waits is lost with the process and delivered again, since
    its offsets are not stored; so ``handle`` returns none, and the source is told of stored offsets from here.
    """

    def __init__(
        self,
        source: Source,
        ingest: AccessIngest,
        limits: AccessLimits,
        store_every_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the collaborators; ``clock`` gives seconds, of which only differences count."""
        self._source = source
        self._ingest = ingest
        self._limits = limits
        self._store_every_s = store_every_s
        self._clock = clock
        self._waiting: list[AccessArrival] = []
        self._waiting_accesses = 0
        self._since_s = clock()
        self._untried: set[str] = set()
        self._isolation = PoisonIsolation()

    def claim(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]:
        """Take partitions over; where each goes on. What waits of them will be delivered again."""
        self._drop(set(partitions))
        return self._ingest.claim(partitions)

    def handle(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        """Take the messages in."""
        self._set_waiting([*self._waiting, *(AccessArrival(message, self._decoded(message)) for message in messages)])
        return {}

    def lost(self, loss: Loss) -> None:
        """Store what came before; then raise the alarm."""
        self._store([arrival for arrival in self._waiting if arrival.message.partition == loss.partition])
        self._ingest.lost(loss)

    def tick(self) -> None:
        """Store what waits when it is time, or when many accesses wait."""
        due = self._clock() - self._since_s >= self._store_every_s
        if due or self._waiting_accesses >= MAX_WAITING_ACCESSES:
            self._store(self._waiting)

    def waiting(self, reason: str) -> None:
        """Log what is waited for; an empty reason: it is back."""
        if reason:
            log.warning("waiting", reason=reason)
        else:
            log.info("going on")

    def finish(self) -> None:
        """Store what waits at the end of the process; where that fails, it will be delivered again."""
        try:
            self._store(self._waiting)
        except (Unavailable, FencedError) as error:
            log.warning("left for the next start", messages=len(self._waiting), reason=str(error))

    def _store(self, arrivals: Sequence[AccessArrival]) -> None:
        """Apply the waiting arrivals of these partitions."""
        if not arrivals:
            return
        partitions = {arrival.message.partition for arrival in arrivals}
        try:
            results = self._isolation.process(arrivals, self._ingest.apply, self._refuse)
        except FencedError as error:
            self._drop(partitions if error.partition is None else {error.partition})
            raise
        self._drop(partitions)
        for result in results:
            self._source.processed(result.next_offsets)
            self._log_result(result)

    def _refuse(self, arrival: AccessArrival, error: DecodeError) -> AccessIngestResult:
        return self._ingest.apply([AccessArrival(arrival.message, error)])

    def _drop(self, partitions: set[Partition]) -> None:
        self._set_waiting([arrival for arrival in self._waiting if arrival.message.partition not in partitions])

    def _set_waiting(self, arrivals: list[AccessArrival]) -> None:
        if not self._waiting:
            self._since_s = self._clock()
        self._waiting = arrivals
        self._waiting_accesses = sum(
            len(arrival.outcome.accesses) for arrival in arrivals if not isinstance(arrival.outcome, DecodeError)
        )

    def _decoded(self, message: Message) -> AccessBatch | DecodeError:
        try:
            return decode_accesses(message, self._limits)
        except DecodeError as error:
            return error

    def _log_result(self, result: AccessIngestResult) -> None:
        """Log what was stored."""
        for letter in result.letters:
            log.warning("dead letter", origin=letter.origin, why=letter.detail)
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
            for turned in progress.turned:
                write = log.warning if turned.standing == TrialStanding.WITHDRAWN else log.info
                rule = f"{turned.kind} {turned.target}"
                write(f"suggestion {turned.standing}", cache=cache, rule=rule, why=turned.reason)


def run_watch(settings: Settings, store: Store, stop: threading.Event) -> None:
    """Try suggestions on what the topic of accesses delivers until ``stop`` is set.

    Raises NightshiftError for faults that the user can mend.
    """
    warm_up()
    name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    kafka = settings.kafka_of(settings.cache)
    offsets = ConsumerOffsets(store, kafka.group, name, time.time, settings.stream.dead_letter_bytes)
    ingest = AccessIngest(store, offsets, time.time)
    source = KafkaSource(kafka)
    limits = AccessLimits(settings.stream.max_message_bytes, settings.cache.max_accesses)
    handler = AccessHandler(source, ingest, limits, settings.cache.store_every_s)
    log.info("watching", topic=kafka.topic, watcher=name)
    loop.run(source, handler, stop, np.random.default_rng())
    handler.finish()
    log.info("stopped", watcher=name)


def warm_up() -> None:
    """Compile before the source is opened, so that no time of the consumer session is spent on it."""
    advance(Trials.start((), 1), Trace(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1, np.int64)))
