"""The transaction that all streams share.

What the messages of one poll lead to is written together with the offsets behind them, or not at all. Nothing is kept
between transactions, so a killed daemon has nothing to restore.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from opint.consumer.offsets import Clock, ConsumerOffsets
from opint.store import deadletters
from opint.store.deadletters import DeadLetter
from opint.store.engine import Store
from streams.errors import DecodeError
from streams.source import Loss, Message, Partition


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
