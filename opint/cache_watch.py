"""``nightshift cache watch``: suggestions stay on trial on the accesses that caches report."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import structlog

from conf.settings import Settings
from opint.accesses import limits_of
from opint.cache_trials import Arrival, CacheTrials, Tried
from opint.consumer.poison import PoisonIsolation
from opint.store.engine import Store
from rl_cache.shadow import Standing
from rl_cache.traces.trace import Trace
from rl_cache.trials import Trials, advance
from streams import loop
from streams.codecs.accesses import AccessLimits, decode_accesses
from streams.errors import DecodeError, FencedError, Unavailable
from streams.kafka import KafkaSource
from streams.records import AccessBatch
from streams.source import Loss, Message, Partition, Source

MOST_WAITING = 200_000
"""With so many accesses waiting, the next transaction comes before its time."""

log = structlog.get_logger()


class Watch:
    """Handler of :func:`streams.loop.run` that tries suggestions on accesses.

    Accesses wait in memory, undecided, until ``store_every_s`` has passed or there are many, since a transaction
    writes the content of all caches in the dark. What waits is lost with the process and delivered again, since
    its offsets are not stored; so ``handle`` returns none, and the source hears of those stored from here.
    """

    def __init__(
        self,
        source: Source,
        trials: CacheTrials,
        limits: AccessLimits,
        store_every_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the collaborators; ``clock`` gives seconds, of which only differences count."""
        self._source = source
        self._trials = trials
        self._limits = limits
        self._store_every_s = store_every_s
        self._clock = clock
        self._waiting: list[Arrival] = []
        self._waiting_accesses = 0
        self._since_s = clock()
        self._unknown: set[str] = set()
        self._isolation = PoisonIsolation()

    def claim(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]:
        """Take partitions over; where each goes on. What waits of them will be delivered again."""
        self._forget(set(partitions))
        return self._trials.claim(partitions)

    def handle(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        """Take the messages in."""
        self._wait([*self._waiting, *(Arrival(message, self._decoded(message)) for message in messages)])
        return {}

    def lost(self, loss: Loss) -> None:
        """Store what came before; then raise the alarm."""
        self._store([one for one in self._waiting if one.message.partition == loss.partition])
        self._trials.lost(loss)

    def tick(self) -> None:
        """Store what waits when it is time, or when it is much."""
        due = self._clock() - self._since_s >= self._store_every_s
        if due or self._waiting_accesses >= MOST_WAITING:
            self._store(self._waiting)

    def waiting(self, reason: str) -> None:
        """Something is away; an empty reason ends that."""
        if reason:
            log.warning("waiting", reason=reason)
        else:
            log.info("going on")

    def finish(self) -> None:
        """Store what waits, because the process ends; if that cannot be, it will be delivered again."""
        try:
            self._store(self._waiting)
        except (Unavailable, FencedError) as error:
            log.warning("left for the next start", messages=len(self._waiting), reason=str(error))

    def _store(self, arrivals: Sequence[Arrival]) -> None:
        """Try all that waits of some partitions."""
        if not arrivals:
            return
        partitions = {one.message.partition for one in arrivals}
        try:
            parts = self._isolation.process(arrivals, self._trials.apply, self._refuse)
        except FencedError as error:
            self._forget(partitions if error.partition is None else {error.partition})
            raise
        self._forget(partitions)
        for tried in parts:
            self._source.processed(tried.next_offsets)
            self._tell(tried)

    def _refuse(self, arrival: Arrival, error: DecodeError) -> Tried:
        return self._trials.apply([Arrival(arrival.message, error)])

    def _forget(self, partitions: set[Partition]) -> None:
        self._wait([one for one in self._waiting if one.message.partition not in partitions])

    def _wait(self, arrivals: list[Arrival]) -> None:
        if not self._waiting:
            self._since_s = self._clock()
        self._waiting = arrivals
        self._waiting_accesses = sum(
            len(one.outcome.accesses) for one in arrivals if not isinstance(one.outcome, DecodeError)
        )

    def _decoded(self, message: Message) -> AccessBatch | DecodeError:
        try:
            return decode_accesses(message, self._limits)
        except DecodeError as error:
            return error

    def _tell(self, tried: Tried) -> None:
        """Log lines of what has been stored."""
        for letter in tried.letters:
            log.warning("dead letter", origin=letter.origin, why=letter.detail)
        for cache, progress in tried.progress.items():
            if progress is None:
                if cache not in self._unknown:
                    log.info("nothing is tried on this cache: run nightshift cache suggest", cache=cache)
                self._unknown.add(cache)
                continue
            log.info("accesses tried", cache=cache, number=progress.tried)
            if progress.left_out:
                why = progress.trouble or "too late, or from the future"
                log.warning("accesses left out", cache=cache, number=progress.left_out, why=why)
            for one in progress.turned:
                tell = log.warning if one.standing == Standing.WITHDRAWN else log.info
                tell(f"suggestion {one.standing}", cache=cache, rule=f"{one.kind} {one.target}", why=one.reason)


def run_watch(settings: Settings, store: Store, stop: threading.Event) -> None:
    """Try suggestions on what the topic of accesses delivers until ``stop`` is set.

    Raises NightshiftError for whatever the user can mend.
    """
    warm_up()
    name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    kafka = settings.kafka_of(settings.cache)
    trials = CacheTrials(store, kafka.group, name, time.time, settings.stream.dead_letter_bytes)
    source = KafkaSource(kafka)
    watch = Watch(source, trials, limits_of(settings), settings.cache.store_every_s)
    log.info("watching", topic=kafka.topic, watcher=name)
    loop.run(source, watch, stop, np.random.default_rng())
    watch.finish()
    log.info("stopped", watcher=name)


def warm_up() -> None:
    """Compile before the source is opened, so that no time of the consumer session is spent on it."""
    advance(Trials.begin((), 1), Trace(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1, np.int64)))
