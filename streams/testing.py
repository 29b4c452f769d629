"""A source in memory that does what a test tells it: give and take partitions, lose messages, fail, end.

It keeps the contract of :mod:`streams.source` and is tested with the others, so crash recovery of whatever
stands on a source is an ordinary, short test.
"""

from collections.abc import Mapping, Sequence

from streams.source import Loss, Message, Partition


class ScriptedSource:
    """Source on lists. ``at_most`` bounds the messages of one poll; polls return at once."""

    def __init__(self, at_most: int = 100) -> None:
        """Own nothing, hold nothing."""
        self.committed: dict[Partition, int] = {}
        self.closed = False
        self.polls = 0
        self._at_most = at_most
        self._logs: dict[Partition, list[Message]] = {}
        self._first: dict[Partition, int] = {}
        self._owned: set[Partition] = set()
        self._fresh: list[Partition] = []
        self._next: dict[Partition, int] = {}
        self._losses: list[Loss] = []
        self._failures: list[Exception] = []
        self._paused = False
        self._ended = False

    def publish(
        self, partition: Partition, value: bytes, published_s: float = 0.0, headers: Mapping[str, str] | None = None
    ) -> None:
        """Append a message to a partition."""
        log = self._logs.setdefault(partition, [])
        origin = f"{partition.topic}[{partition.partition}] offset {len(log)}"
        log.append(Message(partition, len(log), value, headers or {}, published_s, origin))

    def give(self, partition: Partition) -> None:
        """Make a partition ours."""
        self._owned.add(partition)
        self._next.pop(partition, None)
        self._fresh.append(partition)

    def take_away(self, partition: Partition) -> None:
        """Make a partition somebody else's."""
        self._owned.discard(partition)
        self._next.pop(partition, None)
        self._fresh = [fresh for fresh in self._fresh if fresh != partition]

    def forget_before(self, partition: Partition, offset: int) -> None:
        """Drop the messages below ``offset``, as a broker does with old ones."""
        self._first[partition] = offset

    def fail(self, *errors: Exception) -> None:
        """Let the next polls raise these, one each."""
        self._failures.extend(errors)

    def end(self) -> None:
        """Promise that nothing more will be published."""
        self._ended = True

    def poll(self, timeout_s: float) -> Sequence[Message]:  # noqa: ARG002 - the contract's name
        """The next messages, at most ``at_most``."""
        self.polls += 1
        if self._failures:
            raise self._failures.pop(0)
        if self._paused:
            return ()
        messages: list[Message] = []
        for partition in sorted(self._next):
            self._step_over(partition)
            start = self._next[partition]
            batch = self._logs.get(partition, [])[start : start + self._at_most - len(messages)]
            self._next[partition] = start + len(batch)
            messages.extend(batch)
        return messages

    def claimed(self) -> Sequence[Partition]:
        """Partitions given since the last call."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def owned(self) -> frozenset[Partition]:
        """Partitions given and not taken away."""
        return frozenset(self._owned)

    def start_at(self, partition: Partition, offset: int | None) -> None:
        """Deliver from ``offset`` on, from the first message if None."""
        if partition in self._owned:
            self._next[partition] = self._first.get(partition, 0) if offset is None else offset

    def losses(self) -> Sequence[Loss]:
        """Losses noticed since the last call."""
        losses, self._losses = self._losses, []
        return losses

    def pause(self) -> None:
        """Deliver nothing until :meth:`resume`."""
        self._paused = True

    def resume(self) -> None:
        """Deliver again."""
        self._paused = False

    def processed(self, offsets: Mapping[Partition, int]) -> None:
        """Remember the offsets in ``committed``."""
        self.committed.update(offsets)

    def lag(self) -> Mapping[Partition, int]:
        """Messages held and not delivered."""
        return {partition: max(0, len(self._logs.get(partition, [])) - at) for partition, at in self._next.items()}

    def exhausted(self) -> bool:
        """Whether :meth:`end` was called and all was delivered."""
        return self._ended and not self._fresh and not any(self.lag().values())

    def close(self) -> None:
        """Give everything back."""
        self.closed = True
        self._owned.clear()
        self._next.clear()

    def _step_over(self, partition: Partition) -> None:
        next_offset, first = self._next[partition], self._first.get(partition, 0)
        if next_offset < first or next_offset > len(self._logs.get(partition, [])):
            self._losses.append(Loss(partition, next_offset, first))
            self._next[partition] = first
