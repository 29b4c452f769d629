"""The transaction that all streams share, and the offsets with which it begins and ends.

What the messages of one poll lead to is written together with the offsets behind them, or not at all, and what was
processed before is left alone when it comes again. Nothing is kept between transactions, so a killed daemon has nothing
to restore.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

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


class DecodedMessage(Protocol):
    """A message with what became of it."""

    @property
    def message(self) -> Message:
        """The message."""

    @property
    def outcome(self) -> object:
        """What it holds, or a DecodeError that says why it is unusable."""


ArrivalT = TypeVar("ArrivalT", bound=DecodedMessage)


@dataclass(slots=True)
class PollTransaction(Generic[ArrivalT]):
    """The open transaction of one poll.

    Attributes:
        tx: the connection to write effects with.
        now_s: the time of the transaction, s since 1970.
        arrivals: those of the poll that were not processed before.
        letters: the messages that are unusable; add to them with :meth:`StreamIngest.refuse`.
        next_offsets: the offsets behind the messages, once the transaction has ended.
    """

    tx: Connection
    now_s: float
    arrivals: Sequence[ArrivalT]
    letters: list[DeadLetter] = field(default_factory=list)
    next_offsets: Mapping[Partition, int] = field(default_factory=dict)


class StreamIngest:
    """Base of what writes the effects of a stream's messages to the store, on behalf of one consumer."""

    def __init__(self, store: Store, offsets: ConsumerOffsets, clock: Clock) -> None:
        """Keep the collaborators; nothing is read or written yet."""
        self._store = store
        self._offsets = offsets
        self._clock = clock

    def claim(self, partitions: Iterable[Partition]) -> dict[Partition, int | None]:
        """Take over the partitions; the offset at which each goes on."""
        return self._offsets.claim(partitions)

    def lost(self, loss: Loss) -> None:
        """Raise an incident for messages that the broker no longer holds, and go on at what it has."""
        self._offsets.lost(loss)

    @contextmanager
    def transaction(self, arrivals: Sequence[ArrivalT]) -> Iterator[PollTransaction[ArrivalT]]:
        """Lock the offsets, yield what is to be processed, then write dead letters and the offsets behind the messages.

        Raises FencedError if another consumer has taken one of the partitions (nothing is written then)
        and StoreUnavailable if the database is away.
        """
        now_s = self._clock()
        with self._store.begin() as tx:
            poll = PollTransaction(tx, now_s, self._offsets.unprocessed(tx, arrivals))
            for arrival in poll.arrivals:
                if isinstance(arrival.outcome, DecodeError):
                    self.refuse(poll, arrival.message, arrival.outcome)
            yield poll
            deadletters.add(tx, poll.letters)
            poll.next_offsets = self._offsets.advance(tx, arrivals, now_s)

    def refuse(self, poll: PollTransaction[ArrivalT], message: Message, error: DecodeError) -> None:
        """Make a dead letter of the message."""
        poll.letters.append(self._offsets.letter(message, error, poll.now_s))
