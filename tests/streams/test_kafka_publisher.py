"""KafkaPublisher against brokers as they are: what it refuses, and what it sees of the topic."""

import time

import pytest

from streams.errors import OversizeError, SourceUnavailable
from streams.kafka import KafkaPublisher, KafkaSource, describe


@pytest.mark.kafka
def test_a_message_above_the_limit_is_refused_in_one_line(apache_kafka, settings_on, publishers):
    publisher = publishers(settings_on(apache_kafka), 1)
    with pytest.raises(OversizeError, match=r"too-large: message is '70000000 bytes'; raise message.max.bytes"):
        publisher.publish_bytes(bytes(70_000_000), {}, None)
    publisher.publish_bytes(b"small", {}, None)
    publisher.flush()


def test_unread_bytes_count_what_the_group_has_not_read(embedded_broker, settings_on, publishers, read_from):
    settings = settings_on(embedded_broker)
    publisher = publishers(settings)
    for _ in range(3):
        publisher.publish_bytes(bytes(1000), {}, b"k")
    publisher.flush()
    assert publisher.unread_bytes() == 3000
    source = KafkaSource(settings)
    result, _ = read_from(source, 3)
    source.processed({result[0].partition: 2})
    deadline = time.monotonic() + 10
    while publisher.unread_bytes() != 1000 and time.monotonic() < deadline:
        source.poll(0.1)
    source.close()
    assert publisher.unread_bytes() == 1000


@pytest.mark.kafka
def test_unread_bytes_are_not_counted_where_nothing_overflows(apache_kafka, settings_on, publishers):
    publisher = publishers(settings_on(apache_kafka), 1)
    publisher.publish_bytes(bytes(1000), {}, b"k")
    publisher.flush()
    assert publisher.unread_bytes() == 0


@pytest.mark.kafka
def test_ensure_topic_leaves_a_topic_that_exists_as_it_is(apache_kafka, settings_on, publishers):
    settings = settings_on(apache_kafka)
    publishers(settings, 3).ensure_topic(7)
    assert "with 3 partitions" in describe(settings)


def test_publishing_to_nobody_is_one_line(settings_on):
    with pytest.raises(SourceUnavailable, match=r"Kafka at 127.0.0.1:9 cannot be used"):
        KafkaPublisher(settings_on("127.0.0.1:9"))
