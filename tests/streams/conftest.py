"""Topics of their own for tests, and a reader that does what the loop does."""

import time
import uuid

import pytest

from conf.stream import KafkaSettings
from streams.kafka import KafkaPublisher


@pytest.fixture
def settings_on():
    """``settings_on(apache_kafka)`` or ``(embedded_broker)``: settings with a topic and a group of their own."""

    def build(where, **more):
        name = uuid.uuid4().hex[:12]
        chosen = {"topic": f"t-{name}", "group": f"g-{name}", "session_timeout_s": 6.0}
        if isinstance(where, str):
            chosen["bootstrap_servers"] = where
        else:
            chosen |= {
                "bootstrap_servers": where.bootstrap_servers,
                "cluster_id": where.cluster_id,
                "embedded": True,
            }
        return KafkaSettings(**(chosen | more))

    return build


@pytest.fixture
def publishers():
    """``publishers(settings, partitions)``: a publisher whose topic is made; closed after the test."""
    opened = []

    def build(settings, partitions=4):
        opened.append(KafkaPublisher(settings))
        opened[-1].ensure_topic(partitions)
        return opened[-1]

    yield build
    for publisher in opened:
        publisher.close()


@pytest.fixture
def read_from():
    """``read_from(source, count)``: claim, start and poll until so many messages came; (messages, losses)."""

    def read(source, count, offsets=None, timeout_s=30.0):
        results, losses, deadline = [], [], time.monotonic() + timeout_s
        while len(results) < count and time.monotonic() < deadline:
            results.extend(source.poll(0.2))
            for partition in source.claimed():
                source.start_at(partition, (offsets or {}).get(partition.partition))
            losses.extend(source.losses())
        assert len(results) >= count, f"{len(results)} of {count} messages in {timeout_s} s"
        return results, losses

    return read
