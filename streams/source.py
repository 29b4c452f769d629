"""Where messages come from, and what resuming means.

A *partition* is one ordered sequence of messages: a Kafka topic-partition, or one file of a folder.
Positions are stored by the receiver, in its database; a source never decides by itself where to go on.

Contract of every source (tests/contracts/test_sources.py):

* ``poll`` never blocks longer than its timeout and returns messages of a partition in offset order,
  without gaps except those that it has reported in a :class:`Loss`.
* A partition that has become ours is reported once by ``claimed`` and delivers nothing until
  ``start_at`` has been called for it; ``start_at(partition, offset)`` means that ``offset`` is the
  next message wanted. ``None`` means that nothing is stored: begin at the configured start.
* A partition that is ours no longer delivers nothing more; ``claimed`` reports it again if it returns.
* ``pause`` stops delivery and keeps the session alive as long as ``poll`` goes on being called.
* ``processed`` tells the outside world how far we are. It is for display only and may fail quietly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from streams.errors import DecodeError
from streams.keys import Partition

if TYPE_CHECKING:
    from streams.records import HistogramBatch

__all__ = ["Loss", "Message", "Partition", "Source"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message as delivered.

    ``value`` is what there is to decode: raw bytes, a record that a file reader has decoded already,
    or the reason why a file reader could not. ``published_s`` is the producer's time (s since 1970),
    ``origin`` says to a person where it came from.
    """

    partition: Partition
    offset: int
    value: "bytes | HistogramBatch | DecodeError"
    headers: Mapping[str, str]
    published_s: float
    origin: str
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """Messages ``expected`` … ``resumed - 1`` of a partition are gone for good.

    ``reason`` says why where it is known; empty: the broker no longer holds them.
    """

    partition: Partition
    expected: int
    resumed: int
    reason: str = ""


class Source(Protocol):
    """A place that messages come from; see the module for the contract."""

    def poll(self, timeout_s: float) -> Sequence[Message]:
        """Messages that have arrived, at most ``timeout_s`` seconds later; may be empty."""

    def claimed(self) -> Sequence[Partition]:
        """Partitions that have become ours since the last call."""

    def owned(self) -> frozenset[Partition]:
        """Partitions that are ours now."""

    def start_at(self, partition: Partition, offset: int | None) -> None:
        """Deliver from ``offset`` on, or from the configured start if None."""

    def losses(self) -> Sequence[Loss]:
        """Losses noticed since the last call."""

    def pause(self) -> None:
        """Deliver nothing until :meth:`resume`."""

    def resume(self) -> None:
        """Deliver again."""

    def processed(self, offsets: Mapping[Partition, int]) -> None:
        """Next wanted offset of each partition, after it has been stored."""

    def lag(self) -> Mapping[Partition, int]:
        """Messages published and not yet delivered, by partition of ours."""

    def exhausted(self) -> bool:
        """True when nothing can follow: a list of files at its end. Streams never are."""

    def close(self) -> None:
        """Give everything back; may be called twice."""
