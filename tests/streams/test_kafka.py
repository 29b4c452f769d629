"""KafkaSource against brokers as they are."""

import logging
import socket
import threading
import time

import pytest
from kafka import KafkaAdminClient, TopicPartition

from conf.errors import SettingsError
from conf.stream import KafkaSettings
from streams.errors import SourceUnavailable
from streams.kafka import KafkaSource, describe
from streams.kafka.client import options, slow_checksums

BOTH = pytest.mark.parametrize(
    "kind", [pytest.param("apache_kafka", marks=pytest.mark.kafka), pytest.param("embedded_broker")]
)


@pytest.fixture
def settings(request, kind, settings_on):
    return settings_on(request.getfixturevalue(kind))


@pytest.fixture
def silent_server():
    """Address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def poll_many(source, times):
    for _ in range(times):
        source.poll(0.2)


@BOTH
def test_messages_come_as_published_and_in_order(settings, publishers, read_from):
    publisher = publishers(settings)
    before_s = time.time()
    for i in range(100):
        publisher.publish_bytes(b"%d" % i, {"content-type": "text/x", "n": "ü"}, b"key%d" % (i % 3))
    publisher.flush()
    source = KafkaSource(settings)
    result, losses = read_from(source, 100)
    source.close()

    assert losses == []
    assert sorted(int(m.value) for m in result) == list(range(100))
    for key in (b"key0", b"key1", b"key2"):
        owns = [m for m in result if m.key == key]
        assert [int(m.value) for m in owns] == sorted(int(m.value) for m in owns)
        assert len({m.partition for m in owns}) == 1
    assert {tuple(m.headers.items()) for m in result} == {(("content-type", "text/x"), ("n", "ü"))}
    assert all(before_s - 1 <= m.published_s <= time.time() + 1 for m in result)
    assert all(f"offset {m.offset}" in m.origin and settings.topic in m.origin for m in result)


@BOTH
def test_reading_goes_on_at_the_offset_given(settings, publishers, read_from):
    publisher = publishers(settings)
    for i in range(10):
        publisher.publish_bytes(b"%d" % i, {}, b"k")
    publisher.flush()
    first = KafkaSource(settings)
    (message, *_), _ = read_from(first, 10)
    first.processed({message.partition: 10})
    first.close()

    again = KafkaSource(settings)
    result, losses = read_from(again, 3, offsets={message.partition.partition: 7})
    again.close()
    # The database decides: what was committed to Kafka (10) is of no account.
    assert [int(m.value) for m in result] == [7, 8, 9]
    assert losses == []


@BOTH
def test_a_stored_offset_beyond_the_end_is_a_loss_and_reading_begins_anew(settings, publishers, read_from):
    publisher = publishers(settings)
    for i in range(5):
        publisher.publish_bytes(b"%d" % i, {}, b"k")
    publisher.flush()
    source = KafkaSource(settings)
    result, losses = read_from(source, 5, offsets=dict.fromkeys(range(4), 1000))
    source.close()
    assert [int(m.value) for m in result] == [0, 1, 2, 3, 4]
    assert {(loss.expected, loss.resumed) for loss in losses} == {(1000, 0)}


@pytest.mark.kafka
def test_deleted_messages_are_a_loss_and_reading_goes_on_behind_them(apache_kafka, settings_on, publishers, read_from):
    settings = settings_on(apache_kafka)
    publisher = publishers(settings, 1)
    for i in range(10):
        publisher.publish_bytes(b"%d" % i, {}, None)
    publisher.flush()
    admin = KafkaAdminClient(**options(settings))
    admin.delete_records({TopicPartition(settings.topic, 0): 6})
    admin.close()

    source = KafkaSource(settings)
    result, (loss,) = read_from(source, 4, offsets={0: 2})
    source.close()
    assert [int(m.value) for m in result] == [6, 7, 8, 9]
    assert (loss.expected, loss.resumed, loss.partition) == (2, 6, result[0].partition)


def test_what_the_embedded_broker_dropped_is_a_loss(embedded_broker, settings_on, publishers, read_from):
    settings = settings_on(embedded_broker)
    publisher = publishers(settings)
    for i in range(30):
        publisher.publish_bytes(b"%04d" % i + bytes(500_000), {}, b"k")
        publisher.flush()
    source = KafkaSource(settings)
    result, losses = read_from(source, 5, offsets=dict.fromkeys(range(4), 0))
    source.close()
    partition = result[0].partition
    (loss,) = [loss for loss in losses if loss.partition == partition]
    assert loss.expected == 0
    assert loss.resumed == result[0].offset == int(result[0].value[:4]) > 0


@pytest.mark.kafka
def test_messages_of_every_size_pass_and_a_giant_stalls_nothing(apache_kafka, settings_on, publishers, read_from):
    settings = settings_on(apache_kafka)
    publisher = publishers(settings, 1)
    sizes = [10, 250_000, 32 * 1024 * 1024, 5, 50_000_000, 7]
    for size in sizes:
        publisher.publish_bytes(b"x" * size, {}, None)
    publisher.flush()
    source = KafkaSource(settings)
    result, _ = read_from(source, len(sizes))
    source.close()
    assert [len(m.value) for m in result] == sizes


@BOTH
def test_only_new_messages_are_read_where_settings_say_latest(settings, publishers, read_from):
    settings = settings.model_copy(update={"start": "latest"})
    publisher = publishers(settings)
    publisher.publish_bytes(b"old", {}, b"k")
    publisher.flush()
    source = KafkaSource(settings)
    while len(source.owned()) < 4:
        source.poll(0.1)
    claimed = source.claimed()
    for partition in claimed:
        source.start_at(partition, None)
    publisher.publish_bytes(b"new", {}, b"k")
    publisher.flush()
    # Claimed again before anything was stored: what came meanwhile is not skipped.
    for partition in claimed:
        source.start_at(partition, None)
    result, _ = read_from(source, 1)
    source.close()
    assert [m.value for m in result] == [b"new"]


@BOTH
def test_lag_is_right_before_while_and_after_reading_and_when_paused(settings, publishers, read_from):
    publisher = publishers(settings)
    for i in range(10):
        publisher.publish_bytes(b"%d" % i, {}, b"k")
    publisher.flush()
    source = KafkaSource(settings)
    while len(source.owned()) < 4:
        source.poll(0.1)
    source.pause()
    for partition in source.claimed():
        source.start_at(partition, None)
    assert sum(source.lag().values()) == 10
    source.resume()
    read_from(source, 10)
    assert sum(source.lag().values()) == 0
    source.pause()
    for i in range(3):
        publisher.publish_bytes(b"%d" % i, {}, b"k")
    publisher.flush()
    assert source.poll(0.3) == []
    assert sum(source.lag().values()) == 3
    source.close()


def test_a_broker_that_is_not_there_is_one_line(settings_on):
    source = KafkaSource(settings_on("127.0.0.1:9"))
    with pytest.raises(SourceUnavailable, match=r"Kafka at 127.0.0.1:9 cannot be used .*see that it runs"):
        source.poll(5)
    source.close()
    source.close()


def test_a_broker_that_does_not_answer_blocks_no_poll_and_leaves_no_thread(silent_server, settings_on, monkeypatch):
    monkeypatch.setattr("streams.kafka.client.CONNECT_S", 1.0)
    threads = threading.active_count()
    source = KafkaSource(settings_on(silent_server))
    began_s = time.monotonic()
    assert source.poll(0.1) == ()
    assert time.monotonic() - began_s < 1
    with pytest.raises(SourceUnavailable, match="cannot be used"):
        source.poll(15)
    # Until it has connected it goes on saying so, and never blocks longer than it was told.
    began_s = time.monotonic()
    with pytest.raises(SourceUnavailable):
        source.poll(0.1)
    assert time.monotonic() - began_s < 1
    source.close()
    deadline = time.monotonic() + 15
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.1)
    assert threading.active_count() <= threads


@pytest.mark.kafka
def test_a_topic_that_does_not_exist_is_one_line(apache_kafka, settings_on):
    times = iter(range(0, 1000, 10))
    settings = settings_on(apache_kafka)
    source = KafkaSource(settings, clock=lambda: float(next(times)))
    with pytest.raises(SourceUnavailable, match=f"topic '{settings.topic}' does not exist"):
        poll_many(source, 60)
    source.close()
    with pytest.raises(SourceUnavailable, match="does not exist"):
        describe(settings)


@BOTH
def test_describe_names_cluster_and_partitions(settings, publishers):
    publishers(settings, 4)
    text = describe(settings)
    assert settings.bootstrap_servers in text
    assert "with 4 partitions" in text
    assert settings.cluster_id in text


@pytest.mark.kafka
@pytest.mark.slow
def test_reading_survives_the_death_of_the_broker(own_apache_kafka, settings_on, publishers, read_from):
    settings = settings_on(own_apache_kafka.bootstrap_servers)
    publisher = publishers(settings, 4)
    for i in range(50):
        publisher.publish_bytes(b"%d" % i, {}, b"%d" % i)
    publisher.flush()
    source = KafkaSource(settings)
    before, _ = read_from(source, 50)
    stored = {m.partition.partition: m.offset + 1 for m in before}
    own_apache_kafka.kill()
    with pytest.raises(SourceUnavailable, match="nothing listens there"):
        poll_many(source, 40)
    for i in range(50, 100):
        publisher.publish_bytes(b"%d" % i, {}, b"%d" % i)
    own_apache_kafka.start()
    publisher.flush()
    after, losses = read_from(source, 50, offsets=stored)
    source.close()
    assert losses == []
    assert sorted(int(m.value) for m in before + after) == list(range(100))


def test_an_embedded_broker_needs_a_cluster_id():
    with pytest.raises(SettingsError, match=r"stream.kafka.cluster_id is empty"):
        KafkaSource(KafkaSettings(embedded=True))


def test_secrets_reach_the_client_and_nothing_else():
    settings = KafkaSettings(
        bootstrap_servers="a:1, b:2",
        security_protocol="SASL_SSL",
        username="me",
        password="pst",  # noqa: S106 - what the test looks for
        ca_file="ca.pem",
    )
    chosen = options(settings)
    assert chosen["bootstrap_servers"] == ["a:1", "b:2"]
    assert (chosen["sasl_plain_username"], chosen["sasl_plain_password"]) == ("me", "pst")
    assert (chosen["sasl_mechanism"], chosen["ssl_cafile"]) == ("SCRAM-SHA-512", "ca.pem")
    assert "pst" not in repr(settings)


def test_missing_checksums_are_told(monkeypatch):
    assert slow_checksums() == ""
    monkeypatch.setattr("streams.kafka.client.find_spec", lambda _: None)
    assert "install crc32c" in slow_checksums()


def test_the_library_is_quiet_unless_told_otherwise(settings_on):
    with pytest.raises(SourceUnavailable):
        describe(settings_on("127.0.0.1:9"))
    assert logging.getLogger("kafka").level == logging.CRITICAL
