"""What the handlers of all streams share: ownership, isolation of poison, signs of life, forgetting.

Poison is what fails whenever it is processed: a message, which becomes a dead letter, or a lumisection, which is closed
without verdicts. A batch that fails is cut in halves until it is isolated, and what came with it is processed. A fault
that will pass, or that a person has to mend, lies in no message and is raised as it is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import structlog

from opint.consumer.heartbeat import StreamHeartbeat
from opint.consumer.transaction import StreamIngest
from opint.store.engine import Store
from opint.store.errors import StoreError, StoreRefusedError
from opint.store.retention import sweep
from streams.errors import DecodeError, FencedError, Unavailable
from streams.source import Loss, Message, Partition

MAX_FAULTS_IN_A_ROW = 16
"""With so many messages in a row that fail by a fault of ours, the fault lies not in them: it is raised, and the others
stay where they are."""

Item = TypeVar("Item")
Result = TypeVar("Result")

log = structlog.get_logger()


class PoisonIsolation:
    """Isolates the poison messages of one stream; counts the faults in a row from batch to batch."""

    def __init__(self) -> None:
        """Nothing has failed yet."""
        self._faults_in_a_row = 0

    def process(
        self,
        batch: Sequence[Item],
        process: Callable[[Sequence[Item]], Result],
        refuse: Callable[[Item, DecodeError], Result],
    ) -> list[Result]:
        """Results of ``process`` for the parts of the batch, and of ``refuse`` for each poison message, in order.

        ``process`` must do all or nothing, or pass over what it has done before. Raises Unavailable, FencedError and
        StoreError as ``process`` does.
        """
        try:
            done = process(batch)
        except (Unavailable, FencedError, StoreError):
            raise
        except Exception as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                halves = batch[:middle], batch[middle:]
                return [result for half in halves for result in self.process(half, process, refuse)]
            return [refuse(batch[0], self._reason(error))]
        self._faults_in_a_row = 0
        return [done]

    def _reason(self, error: Exception) -> DecodeError:
        """The fault as an error of the item; what failed is its cause."""
        if isinstance(error, StoreRefusedError):
            fault = DecodeError("refused-by-database", "message", "unstorable", str(error))
        else:
            self._faults_in_a_row += 1
            if self._faults_in_a_row >= MAX_FAULTS_IN_A_ROW:
                raise error
            log.error("processing failed; this is a fault of nightshift", exc_info=error)
            fault = DecodeError("cannot-be-processed", "message", type(error).__name__, str(error))
        fault.__cause__ = error
        return fault


SWEEP_SECONDS = 3600.0
"""How often data older than ``database.retain_days`` are deleted."""

IngestT = TypeVar("IngestT", bound=StreamIngest)
Record = TypeVar("Record")


def decoded(decode: Callable[[Message], Record], message: Message) -> Record | DecodeError:
    """What ``decode`` makes of a message, or why it is unusable."""
    try:
        return decode(message)
    except DecodeError as error:
        return error


class RetentionSweep:
    """Deletes data older than ``retain_days``, dead letters included, every SWEEP_SECONDS."""

    def __init__(self, store: Store, retain_days: float, clock: Callable[[], float]) -> None:
        """The first sweep comes SWEEP_SECONDS from now; ``clock`` gives s since 1970."""
        self._store = store
        self._retain_days = retain_days
        self._clock = clock
        self._swept_s = clock()

    def tick(self) -> None:
        """Delete what is old, if it is time."""
        if self._clock() - self._swept_s >= SWEEP_SECONDS:
            self._swept_s = self._clock()
            log.info("old data deleted", lumisections=sweep(self._store, self._swept_s, self._retain_days))


class StreamHandler(ABC, Generic[IngestT]):
    """Base of the handlers of :func:`streams.loop.run` of all kinds of streams."""

    def __init__(self, ingest: IngestT, heartbeat: StreamHeartbeat, retention: RetentionSweep) -> None:
        """Keep the collaborators."""
        self._ingest = ingest
        self._heartbeat = heartbeat
        self._retention = retention
        self._isolation = PoisonIsolation()

    @abstractmethod
    def _judge(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        """Judge the messages and store all effects at once; the offsets behind them."""

    @abstractmethod
    def _refuse(self, message: Message, error: DecodeError) -> Mapping[Partition, int]:
        """Store that the message is unusable; the offset behind it."""

    def claim(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]:
        """Take partitions over; where each goes on."""
        return self._ingest.claim(partitions)

    def handle(self, messages: Sequence[Message]) -> Mapping[Partition, int]:
        """Judge the messages and store all effects with the offsets behind them."""
        parts = self._isolation.process(messages, self._judge, self._refuse)
        return {partition: offset for part in parts for partition, offset in part.items()}

    def lost(self, loss: Loss) -> None:
        """Raise the alarm for messages that are gone."""
        self._ingest.lost(loss)

    def tick(self) -> None:
        """Store a heartbeat and delete old data from time to time."""
        self._heartbeat.tick()
        self._retention.tick()

    def waiting(self, reason: str) -> None:
        """Report that the stream waits; an empty reason ends that."""
        self._heartbeat.waiting(reason)

    def finish(self) -> None:
        """Complete what is open because no message can follow; here nothing is ever open."""

    def stopped(self) -> None:
        """Record that the stream was stopped on purpose."""
        self._heartbeat.stopped()

    def waiting_reason(self) -> str:
        """Why the stream waits, for the health check; empty if it does not."""
        return self._heartbeat.waiting_reason()
