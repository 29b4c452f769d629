"""What the handlers of judged streams share: ownership, isolation of poison messages, signs of life."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from opint.consumer.heartbeat import StreamHeartbeat
from opint.consumer.poison import PoisonIsolation
from opint.consumer.transaction import StreamIngest
from streams.errors import DecodeError
from streams.source import Loss, Message, Partition

IngestT = TypeVar("IngestT", bound=StreamIngest)


class StreamHandler(ABC, Generic[IngestT]):
    """Base of the handlers of :func:`streams.loop.run` that judge a stream."""

    def __init__(self, ingest: IngestT, heartbeat: StreamHeartbeat) -> None:
        """Keep the collaborators."""
        self._ingest = ingest
        self._heartbeat = heartbeat
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
        """Store a heartbeat from time to time."""
        self._heartbeat.tick()

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
