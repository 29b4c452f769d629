"""One member of a consumer group: connected with our options, its partitions, and what kafka-python knows by itself.

kafka-python calls rebalance listeners on its I/O thread, where only ``seek`` and ``pause`` are allowed; everything else
happens on the thread that polls. One lock guards the state of an :class:`Assignment`, which both share, and nothing
that waits for the I/O thread is called under it.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from types import MappingProxyType
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import IllegalStateError, KafkaError, UnknownTopicOrPartitionError

from conf.stream import KafkaSettings
from streams.kafka.client import CONNECT_S, opened, unavailable


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


FETCH_BYTES = 16 * 1024 * 1024
"""About how much one answer of a broker holds, which is in memory three times while it is taken apart; a larger message
still comes, alone."""

FETCH_PARTITION_BYTES = 4 * 1024 * 1024
"""About how much of one partition it holds."""

RECEIVE_BYTES = 256 * 1024 * 1024
"""The largest answer that is taken at all, and so the largest message."""

FETCHING = MappingProxyType(
    {
        "isolation_level": "read_committed",
        "fetch_max_bytes": FETCH_BYTES,
        "max_partition_fetch_bytes": FETCH_PARTITION_BYTES,
        "receive_message_max_bytes": RECEIVE_BYTES,
    }
)
"""What is asked for, and how much at once."""


def connect(settings: KafkaSettings) -> tuple[KafkaConsumer, Assignment]:
    """A member of the group that reads the topic of the settings; raises SourceUnavailable where no broker answers."""
    consumer = opened(
        settings,
        KafkaConsumer,
        metrics_enabled=False,
        group_id=settings.group,
        auto_offset_reset="none",
        enable_auto_commit=False,
        allow_auto_create_topics=settings.embedded,
        max_poll_records=settings.max_poll_records,
        session_timeout_ms=int(settings.session_timeout_s * 1000),
        heartbeat_interval_ms=int(settings.session_timeout_s * 1000 / 3),
        **FETCHING,
        # The mock cluster waits its whole time even when messages have come.
        fetch_max_wait_ms=10 if settings.embedded else 100,
    )
    assignment = Assignment(consumer)
    try:
        consumer.bootstrap(int(CONNECT_S * 1000))
        consumer.subscribe([settings.topic], listener=assignment)
        # Who joins a group before knowing the topic is given nothing of it at first and has to join again.
        knows_topic(consumer, settings.topic)
    except KafkaError as error:
        leave(consumer)
        raise unavailable(settings, error) from error
    return consumer, assignment


def end_of(consumer: KafkaConsumer, partition: TopicPartition) -> int | None:
    """The offset after the newest message, as of the last answer; None where that is not known."""
    try:
        highwater: int | None = consumer.highwater(partition)
    except IllegalStateError:
        # It was taken away this instant.
        return None
    return highwater


def position_of(consumer: KafkaConsumer, partition: TopicPartition) -> int:
    """The offset that is fetched next; 0 where that is not known."""
    # The library's public way to ask may wait for the broker.
    state = consumer._subscription.assignment.get(partition)
    return 0 if state is None or state.position is None else int(state.position.offset)


def topic_id_of(consumer: KafkaConsumer, topic: str) -> str:
    """Empty where the broker is too old to have such, or the topic is not there."""
    topic_id = consumer._cluster.topic_id(topic)
    return str(topic_id) if topic_id is not None and topic_id.int else ""


def knows_topic(consumer: KafkaConsumer, topic: str) -> bool:
    """Whether the brokers have the topic."""
    try:
        return bool(consumer.partitions_for_topic(topic))
    except UnknownTopicOrPartitionError:
        return False


def finish_rebalance(consumer: KafkaConsumer) -> None:
    """Join again where the library forgot that it is joining."""
    # kafka-python 3.0 forgets a rebalance that new partitions of the topic set off, if poll times out while
    # it is going on: the assignment comes, nobody takes it up, and the member stays without partitions.
    coordinator = consumer._coordinator
    if coordinator.rejoining and not coordinator.rejoin_needed:
        coordinator.request_rejoin()


def leave(consumer: KafkaConsumer) -> None:
    """Leave the group and close the connections."""
    try:
        consumer.close(timeout_ms=2000)
    except KafkaError:
        # A broker that is away notices by the session timeout that we have left.
        return


def leave_late(attempt: "Future[tuple[KafkaConsumer, Assignment]]") -> None:
    """Leave with the member of an attempt to connect that nobody waits for any more."""
    if not attempt.cancelled() and attempt.exception() is None:
        leave(attempt.result()[0])


def cluster_of(consumer: KafkaConsumer) -> str | None:
    """Identifier of the cluster; None where the brokers have none."""
    # Kept fresh by the library; its public way to ask is an administration client with connections of its own.
    cluster_id: str | None = consumer._cluster.cluster_id
    return cluster_id
