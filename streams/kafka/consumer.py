"""One member of a consumer group: connected with our options, and what kafka-python knows of it by itself."""

from concurrent.futures import Future
from types import MappingProxyType

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import IllegalStateError, KafkaError, UnknownTopicOrPartitionError

from conf.stream import KafkaSettings
from streams.kafka.assignment import Assignment
from streams.kafka.client import CONNECT_S, opened, unavailable

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
