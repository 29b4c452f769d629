"""Publishing lumisections at a chosen pace, as a detector would, or as fast as they are taken."""

import threading
import time
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Protocol, TypeVar

from streams.broker import PARTITION_BYTES
from streams.records import LUMISECTION_SECONDS, LumisectionKey

REAL_TIME = 1 / LUMISECTION_SECONDS
"""The pace of a running detector, lumisections per second."""

UNREAD_BYTES = PARTITION_BYTES // 2
"""How much may lie unread in one partition of the embedded broker; the other half is for one lumisection more."""

ROOM_POLL_S = 0.05
"""How often an embedded broker that is full is asked again, s."""


class Keyed(Protocol):
    """A record that is of one lumisection, or of a part of it."""

    @property
    def key(self) -> LumisectionKey:
        """Run and lumisection."""


Record = TypeVar("Record", bound=Keyed)
Record_contra = TypeVar("Record_contra", bound=Keyed, contravariant=True)


class Memory(Protocol):
    """What may overflow."""

    def unread_bytes(self) -> int:
        """Bytes that wait for their reader in a memory that may overflow."""


class Publisher(Memory, Protocol[Record_contra]):
    """The part of :class:`streams.kafka.KafkaPublisher` that a replay uses."""

    def publish(self, record: Record_contra, content_type: str, /) -> None:
        """Encode and send one record."""

    def flush(self) -> None:
        """Wait until all is stored."""


def replay(
    records: Iterable[Record],
    publisher: Publisher[Record],
    content_type: str,
    pace: float | None,
    stop: threading.Event,
    *,
    clock: Callable[[], float] = time.monotonic,
    progress: Callable[[LumisectionKey, int], None] | None = None,
) -> int:
    """Publish records, lumisection by lumisection, and return how many lumisections that were.

    Args:
        records: in the order of publishing; neighbours of one key make one lumisection, published together.
        publisher: where to; errors of publishing come out of here.
        content_type: how to encode.
        pace: lumisections per second (:data:`REAL_TIME` for a detector's), None for as fast as possible.
            What is late is not skipped but published at once.
        stop: ends the replay after the lumisection in hand.
        clock: gives seconds, of which only differences count.
        progress: hears the key and the number of lumisections published so far.

    An embedded broker forgets what does not fit into its memory, so against one the replay waits for its
    readers, whatever the pace. Raises ValueError for a pace that is not positive.
    """
    if pace is not None and pace <= 0:
        raise ValueError(f"the pace is {pace}; it must be more than 0 lumisections per second")
    began_s, done = clock(), 0
    for key, lumisection in groupby(records, key=lambda record: record.key):
        due_s = began_s if pace is None else began_s + done / pace
        if not (_wait_until(due_s, stop, clock) and wait_for_room(publisher, stop)):
            break
        for record in lumisection:
            publisher.publish(record, content_type)
        done += 1
        if progress is not None:
            progress(key, done)
    publisher.flush()
    return done


def _wait_until(due_s: float, stop: threading.Event, clock: Callable[[], float]) -> bool:
    while not stop.is_set() and (remaining_s := due_s - clock()) > 0:
        stop.wait(remaining_s)
    return not stop.is_set()


def wait_for_room(publisher: Memory, stop: threading.Event) -> bool:
    """Wait until an embedded broker's readers have made room; False if ``stop`` came first."""
    while not stop.is_set() and publisher.unread_bytes() > UNREAD_BYTES:
        stop.wait(ROOM_POLL_S)
    return not stop.is_set()
