"""Reading one poll ahead of whoever asks.

A :class:`Delivery` is what one poll of a source found, with all that the source said of itself at that moment. The next
one may be fetched before it is asked for; it is given out as if it had been polled then: without what belongs to
partitions that have been taken away, given back or started anew meanwhile, and not while delivery is paused.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from streams.source import Loss, Message, Partition, Source


@dataclass(frozen=True, slots=True)
class Delivery:
    """One poll: its messages, and the answers of the source right after it."""

    messages: Sequence[Message] = ()
    claimed: Sequence[Partition] = ()
    owned: frozenset[Partition] = frozenset()
    losses: Sequence[Loss] = ()
    exhausted: bool = False

    def without(self, partitions: frozenset[Partition]) -> "Delivery":
        """The same with no message and no loss of these ``partitions``."""
        return replace(
            self,
            messages=[message for message in self.messages if message.partition not in partitions],
            losses=[loss for loss in self.losses if loss.partition not in partitions],
        )


class PrefetchingSource:
    """A source that can be polled before somebody asks."""

    def __init__(self, source: Source) -> None:
        """Nothing is polled yet."""
        self._source = source
        self._prefetched: Delivery | Exception | None = None
        self._paused = False

    def poll(self, timeout_s: float) -> Delivery:
        """What was fetched ahead, if anything; else what arrives within ``timeout_s``. Raises what the source does."""
        delivery = self._prefetched
        if delivery is None or self._paused:
            return self._polled(timeout_s)
        self._prefetched = None
        if isinstance(delivery, Exception):
            raise delivery
        fresh, owned = self._source.claimed(), self._source.owned()
        arrived = [message.partition for message in delivery.messages] + [loss.partition for loss in delivery.losses]
        now = delivery.without((frozenset(arrived) - owned) | frozenset(fresh))
        return replace(now, claimed=[*delivery.claimed, *fresh], owned=owned)

    def prefetch(self) -> None:
        """Fetch what is there already, for the next :meth:`poll`; an error waits for it as well."""
        if self._prefetched is not None or self._paused:
            return
        try:
            self._prefetched = self._polled(0.0)
        except Exception as error:
            # It belongs to the poll that was made ahead, and is raised there.
            self._prefetched = error

    def start_at(self, partition: Partition, offset: int | None) -> None:
        """As the source; what was fetched of the partition ahead is forgotten."""
        if isinstance(self._prefetched, Delivery):
            self._prefetched = self._prefetched.without(frozenset({partition}))
        self._source.start_at(partition, offset)

    def pause(self) -> None:
        """As the source; what was fetched ahead waits."""
        self._paused = True
        self._source.pause()

    def resume(self) -> None:
        """As the source."""
        self._paused = False
        self._source.resume()

    def processed(self, offsets: Mapping[Partition, int]) -> None:
        """As the source."""
        self._source.processed(offsets)

    def lag(self) -> Mapping[Partition, int]:
        """As the source; what was fetched ahead is not delivered yet."""
        messages = self._prefetched.messages if isinstance(self._prefetched, Delivery) else ()
        waiting = Counter(message.partition for message in messages)
        return {partition: count + waiting[partition] for partition, count in self._source.lag().items()}

    def close(self) -> None:
        """As the source."""
        self._prefetched = None
        self._source.close()

    def _polled(self, timeout_s: float) -> Delivery:
        source = self._source
        messages = source.poll(timeout_s)
        return Delivery(messages, source.claimed(), source.owned(), source.losses(), source.exhausted())
