"""Which partitions are ours, and how far each was delivered; shared by two threads.

kafka-python calls rebalance listeners on its I/O thread, where only ``seek`` and ``pause`` are allowed;
everything else happens on the thread that polls. One lock guards the state, and nothing that waits for
the I/O thread is called under it.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]
    """Partitions from their assignment through their start to their revocation.

    A rebalance takes everything away and gives again, so every partition is claimed anew after one.
    """

    def __init__(self, consumer: KafkaConsumer) -> None:
        """Own nothing yet."""
        self._consumer = consumer
        self._lock = threading.Lock()
        self._owned: set[TopicPartition] = set()
        self._fresh: list[TopicPartition] = []
        self._next: dict[TopicPartition, int] = {}
        self._paused = False

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Hold new partitions back until :meth:`start` (called on the I/O thread)."""
        with self._lock:
            for partition in sorted(assigned):
                # Any position will do: with one, Kafka's own committed offset is not asked for.
                self._consumer.seek(partition, 0)
                self._consumer.pause(partition)
                self._owned.add(partition)
                self._fresh.append(partition)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget partitions (called on the I/O thread)."""
        with self._lock:
            for partition in revoked:
                self._owned.discard(partition)
                self._next.pop(partition, None)
            self._fresh = [partition for partition in self._fresh if partition in self._owned]

    def take_fresh(self) -> list[TopicPartition]:
        """Partitions assigned since the last call."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
            return fresh

    def owned(self) -> frozenset[TopicPartition]:
        """Partitions assigned now."""
        with self._lock:
            return frozenset(self._owned)

    def start(self, partition: TopicPartition, offset: int) -> None:
        """Deliver from ``offset`` on; does nothing for a partition that was taken away meanwhile."""
        with self._lock:
            if partition not in self._owned:
                return
            self._next[partition] = offset
            self._consumer.seek(partition, offset)
            if not self._paused:
                self._consumer.resume(partition)

    def pause(self) -> None:
        """Stop delivery, also of partitions that start later."""
        with self._lock:
            self._paused = True
            self._consumer.pause(*self._next)

    def resume(self) -> None:
        """Deliver all partitions that were started."""
        with self._lock:
            self._paused = False
            self._consumer.resume(*self._next)

    @property
    def paused(self) -> bool:
        """Whether delivery is stopped."""
        return self._paused

    def positions(self) -> Mapping[TopicPartition, int]:
        """Next offset to deliver of each started partition."""
        with self._lock:
            return dict(self._next)

    def admit(self, records: Mapping[TopicPartition, Sequence[Any]]) -> dict[TopicPartition, Sequence[Any]]:
        """The records that are to be delivered, after moving on behind them.

        Left out: what was fetched for a partition before it was taken away or started again.
        """
        admitted: dict[TopicPartition, Sequence[Any]] = {}
        with self._lock:
            for partition, fetched in records.items():
                next_offset = self._next.get(partition)
                if next_offset is None or not fetched or fetched[0].offset < next_offset:
                    continue
                admitted[partition] = fetched
                self._next[partition] = fetched[-1].offset + 1
        return admitted
