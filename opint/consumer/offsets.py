"""The offsets of one consumer, with which every transaction on a stream begins and ends.

The offset of a message is written together with its effects or not at all, and what was processed before is left
alone when it comes again.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import structlog
from sqlalchemy import Connection

from opint.incidents.operational import data_lost
from opint.store import deadletters, offsets
from opint.store.deadletters import DeadLetter
from opint.store.engine import Store
from streams.errors import DecodeError
from streams.source import Loss, Message, Partition

Clock = Callable[[], float]

log = structlog.get_logger()


class HasMessage(Protocol):
    """Anything made from a message."""

    @property
    def message(self) -> Message:
        """The message."""


MessageT = TypeVar("MessageT", bound=HasMessage)


class ConsumerOffsets:
    """The offsets of consumer ``owner`` of ``group``; ``clock`` gives s since 1970.

    All methods raise StoreUnavailable if the database is away. Of an unusable message ``letter_bytes`` are kept.
    """

    def __init__(self, store: Store, group: str, owner: str, clock: Clock, letter_bytes: int) -> None:
        """Keep the collaborators; nothing is read or written yet."""
        self._store = store
        self._group = group
        self._owner = owner
        self._clock = clock
        self._letter_bytes = letter_bytes

    def claim(self, partitions: Iterable[Partition]) -> dict[Partition, int | None]:
        """Take over the partitions; the offset at which each goes on.

        An offset of a topic that was deleted says nothing about the one that has its name now, which is read from its
        beginning; what was not read of the old one is lost, and an incident says so.
        """
        now_s = self._clock()
        with self._store.begin() as tx:
            claimed = {partition: self._claim(tx, partition, now_s) for partition in sorted(set(partitions))}
        for partition, offset in claimed.items():
            log.info("partition claimed", topic=partition.topic, partition=partition.partition, offset=offset)
        return claimed

    def _claim(self, tx: Connection, partition: Partition, now_s: float) -> int | None:
        offset = offsets.claim(tx, partition, self._group, self._owner, now_s)
        if not offsets.adopt_topic(tx, partition, self._group) or not offset:
            return offset
        self._go_on(tx, Loss(partition, offset, 0, "the topic was made anew"), now_s)
        return 0

    def _go_on(self, tx: Connection, loss: Loss, now_s: float) -> None:
        log.error(
            "messages lost",
            topic=loss.partition.topic,
            partition=loss.partition.partition,
            expected=loss.expected,
            resumed=loss.resumed,
            reason=loss.reason,
        )
        offsets.move(tx, loss.partition, self._group, self._owner, loss.resumed, now_s)
        data_lost(tx, loss, now_s)

    def unprocessed(self, tx: Connection, arrivals: Sequence[MessageT]) -> list[MessageT]:
        """Lock the offsets of all partitions concerned and drop what was processed before.

        Raises FencedError if another consumer has taken one of the partitions.
        """
        done = {
            partition: offsets.lock(tx, partition, self._group, self._owner) or 0
            for partition in sorted({arrival.message.partition for arrival in arrivals})
        }
        return [arrival for arrival in arrivals if arrival.message.offset >= done[arrival.message.partition]]

    def advance(self, tx: Connection, arrivals: Iterable[HasMessage], now_s: float) -> dict[Partition, int]:
        """Store the offsets behind these, which are returned; raises FencedError as :meth:`unprocessed`."""
        behind = offsets.behind(arrival.message for arrival in arrivals)
        for partition, offset in behind.items():
            offsets.advance(tx, partition, self._group, self._owner, offset, now_s)
        return behind

    def lost(self, loss: Loss) -> None:
        """Raise an incident for messages that are gone or cannot be read, and go on behind them.

        That may be a smaller offset: of a topic that was made anew, or of a broker that forgot it.
        """
        with self._store.begin() as tx:
            self._go_on(tx, loss, self._clock())

    def letter(self, message: Message, error: DecodeError, now_s: float) -> DeadLetter:
        """The dead letter of a message that is unusable."""
        return deadletters.letter_of(message, error, self._letter_bytes, now_s)
