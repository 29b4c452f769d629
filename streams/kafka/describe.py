"""What a broker says of a topic, and the newest message there, for whoever checks an installation."""

import time
from collections.abc import Mapping

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from conf.stream import KafkaSettings
from streams.errors import SourceUnavailable
from streams.kafka.batches import MissingCodecError, UnreadableBatchError
from streams.kafka.client import CONNECT_S, opened, unavailable
from streams.kafka.consumer import FETCHING, position_of
from streams.kafka.source import messages_of
from streams.source import Message, Partition

LOOK_BACK = (1, 32)
"""How many offsets before the end of a partition a message is looked for: few at first, because messages may be large;
then more, because some offsets are no messages (marks of transactions, what was aborted or deleted)."""


def describe(settings: KafkaSettings) -> str:
    """Name the cluster and count the topic's partitions.

    Raises SourceUnavailable if the broker cannot be used or does not have the topic.
    """
    admin = opened(settings, KafkaAdminClient)
    try:
        cluster = settings.cluster_id or admin.describe_cluster()["cluster_id"]
        exists = settings.topic in admin.list_topics()
        partitions = len(admin.describe_topics([settings.topic])[0]["partitions"]) if exists else 0
    except KafkaError as error:
        raise unavailable(settings, error) from error
    finally:
        admin.close()
    if not partitions:
        raise SourceUnavailable(
            f"topic {settings.topic!r} does not exist at {settings.bootstrap_servers}; "
            "create it or correct stream.kafka.topic"
        )
    return f"cluster {cluster} at {settings.bootstrap_servers}, topic {settings.topic} with {partitions} partitions"


def newest_message(settings: KafkaSettings) -> Message | None:
    """The newest message of the topic, read beside the consumer group; None if there is none near the end.

    Raises SourceUnavailable if the broker cannot be used, or a message there cannot be taken apart.
    """
    consumer = opened(settings, KafkaConsumer, metrics_enabled=False, **FETCHING)
    try:
        partitions = [
            TopicPartition(settings.topic, partition)
            for partition in consumer.partitions_for_topic(settings.topic) or ()
        ]
        firsts, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        filled = {partition: end for partition, end in ends.items() if end > firsts[partition]}
        consumer.assign(list(filled))
        for back in LOOK_BACK if filled else ():
            for partition, end in filled.items():
                consumer.seek(partition, max(firsts[partition], end - back))
            if messages := _read_to(consumer, filled):
                return max(messages, key=lambda message: message.published_s)
        return None
    except (MissingCodecError, UnreadableBatchError) as error:
        raise SourceUnavailable(f"the newest message of topic {settings.topic} cannot be read: {error}") from error
    except KafkaError as error:
        raise unavailable(settings, error) from error
    finally:
        consumer.close(timeout_ms=2000)


def _read_to(consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> list[Message]:
    messages: list[Message] = []
    deadline_s = time.monotonic() + CONNECT_S
    while time.monotonic() < deadline_s and any(
        position_of(consumer, partition) < end for partition, end in ends.items()
    ):
        for partition, records in consumer.poll(timeout_ms=200).items():
            messages += messages_of(Partition("", partition.topic, partition.partition), records)
    return messages
