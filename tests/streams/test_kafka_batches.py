"""Record batches as producers of all kinds write them, and as nobody should."""

import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaAdminClient, KafkaProducer, codec
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords

from streams.errors import SourceUnavailable
from streams.kafka import KafkaSource, batches, newest_message
from streams.kafka.client import options

CODECS = ("gzip", "snappy", "lz4", "zstd")
ENCODERS = {
    "gzip": codec.gzip_encode,
    "snappy": codec.snappy_encode,
    "raw snappy": lambda payload: codec.snappy_encode(payload, xerial_compatible=False),
    "lz4": codec.lz4_encode,
    "zstd": codec.zstd_encode,
}
BROKERS = pytest.mark.parametrize("kind", [pytest.param("apache_kafka", marks=pytest.mark.kafka), "embedded_broker"])


@pytest.fixture(autouse=True)
def _installed():
    batches.install()


@pytest.fixture
def settings(request, kind, settings_on):
    return settings_on(request.getfixturevalue(kind))


@pytest.fixture
def opened():
    """Opens sources that are closed after the test."""
    sources = []

    def build(settings):
        sources.append(KafkaSource(settings))
        return sources[-1]

    yield build
    for source in sources:
        source.close()


def produce(settings, values, headers=(), **options):
    """Publish as other producers do; all values of one call may stand in one batch."""
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "linger.ms": 50, **options})
    for value in values:
        producer.produce(settings.topic, value, partition=0, headers=list(headers))
    assert producer.flush(20) == 0


def decoder(name):
    return getattr(batches, f"{name.rpartition(' ')[2]}_decode")


@pytest.mark.parametrize("name", ENCODERS)
@given(payload=st.binary(max_size=100_000) | st.binary(max_size=9).map(lambda part: part * 300_000))
def test_what_is_compressed_comes_back(name, payload):
    assert decoder(name)(ENCODERS[name](payload)) == payload


@pytest.mark.parametrize("name", ENCODERS)
def test_what_becomes_too_large_is_refused_at_the_limit(name, monkeypatch):
    monkeypatch.setattr(batches, "MAX_BATCH_BYTES", 3_000_000)
    assert len(decoder(name)(ENCODERS[name](bytes(3_000_000)))) == 3_000_000
    with pytest.raises(batches.BatchTooLargeError, match="larger than 3000000 bytes"):
        decoder(name)(ENCODERS[name](bytes(3_000_001)))


@pytest.mark.parametrize("name", ENCODERS)
def test_what_is_cut_off_is_an_error(name):
    payload = ENCODERS[name](bytes(range(256)) * 100)
    with pytest.raises(Exception, match=r".") as caught:
        assert len(decoder(name)(payload[: len(payload) // 2])) == 25_600
    assert not isinstance(caught.value, MemoryError)


class RawName(str):
    """A header's name in any bytes."""

    __slots__ = ("raw",)

    def encode(self, *_):
        return self.raw


@given(
    names=st.lists(st.binary(max_size=20), max_size=4),
    value=st.binary(max_size=50) | st.none(),
    key=st.binary(max_size=10) | st.none(),
)
def test_any_bytes_may_stand_in_the_names_of_headers(names, value, key):
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1_000_000)
    headers = []
    for raw in names:
        headers.append((RawName("x"), raw))
        headers[-1][0].raw = raw
    builder.append(0, 1, key, value, headers)
    builder.append(1, 1, b"key", b"after", [("content-type", b"text/x")])
    first, second = MemoryRecords(bytes(builder.build())).next_batch()
    assert (first.key, first.value) == (key, value)
    assert [raw for _, raw in first.headers] == names
    assert (second.value, second.headers) == (b"after", [("content-type", b"text/x")])


@BROKERS
def test_all_codecs_are_read(settings, publishers, opened, read_from):
    publishers(settings)
    for name in CODECS:
        produce(settings, [f"{name} {n}".encode() * 100 for n in range(5)], **{"compression.type": name})
    result, losses = read_from(opened(settings), 20)
    assert [item.value for item in result] == [f"{name} {n}".encode() * 100 for name in CODECS for n in range(5)]
    assert losses == []


@BROKERS
def test_a_batch_that_becomes_too_large_is_a_loss_and_reading_goes_on(
    settings, publishers, opened, read_from, monkeypatch
):
    monkeypatch.setattr(batches, "MAX_BATCH_BYTES", 1_000_000)
    publishers(settings)
    produce(settings, [b"before"])
    produce(settings, [bytes(1_600_000)], **{"compression.type": "gzip", "message.max.bytes": 10_000_000})
    produce(settings, [b"after"])
    result, (loss,) = read_from(opened(settings), 2)
    assert [item.value for item in result] == [b"before", b"after"]
    assert (loss.expected, loss.resumed) == (1, 2)
    assert loss.reason == "gzip batch: it becomes larger than 1000000 bytes when it is decompressed"


def test_a_codec_that_is_not_installed_is_named_and_the_connection_stays(
    embedded_broker, settings_on, publishers, opened, read_from, monkeypatch
):
    settings = settings_on(embedded_broker)
    publishers(settings)
    produce(settings, [b"before"])
    produce(settings, [b"packed"] * 100, **{"compression.type": "zstd"})
    source = opened(settings)
    with monkeypatch.context() as without:
        without.setattr(codec, "zstd", None)
        read_from(source, 1)
        consumer = source._consumer
        for _ in range(2):
            with pytest.raises(SourceUnavailable, match=r"compressed by zstd.*pip install 'kafka-python\[zstd\]'"):
                [source.poll(0.5) for _ in range(20)]
        assert source._consumer is consumer
    assert len(read_from(source, 100)[0]) == 100


@BROKERS
def test_tombstones_are_passed_over(settings, publishers, opened, read_from):
    publishers(settings)
    produce(settings, [b"1", None, b"2", b"", None, b"3", None])
    source = opened(settings)
    result, losses = read_from(source, 4)
    assert [item.value for item in result] == [b"1", b"2", b"", b"3"]
    assert losses == []
    source.poll(0.2)
    assert sum(source.lag().values()) == 0


@pytest.mark.kafka
def test_aborted_transactions_are_not_delivered_nor_waited_for(
    apache_kafka, settings_on, publishers, opened, read_from
):
    settings = settings_on(apache_kafka)
    publishers(settings, 1)
    producer = Producer({"bootstrap.servers": apache_kafka, "transactional.id": settings.topic})
    producer.init_transactions(30)
    for value, end in ((b"no", "abort"), (b"yes", "commit"), (b"never", "abort")):
        producer.begin_transaction()
        for _ in range(3):
            producer.produce(settings.topic, value)
        producer.flush(20)
        getattr(producer, f"{end}_transaction")(30)
    source = opened(settings)
    result, losses = read_from(source, 3)
    assert [item.value for item in result] == [b"yes"] * 3
    assert losses == []
    for _ in range(5):
        source.poll(0.2)
    assert sum(source.lag().values()) == 0


@pytest.mark.kafka
def test_a_topic_made_anew_while_reading_is_claimed_again_under_another_id(
    apache_kafka, settings_on, publishers, opened, read_from, monkeypatch
):
    monkeypatch.setattr("streams.kafka.client.METADATA_S", 1.0)
    settings = settings_on(apache_kafka)
    publisher = publishers(settings, 1)
    produce(settings, [b"%d" % n for n in range(5)])
    source = opened(settings)
    before, _ = read_from(source, 5)
    admin = KafkaAdminClient(**options(settings))
    admin.delete_topics([settings.topic])
    while settings.topic in admin.list_topics():
        source_or_error(source)
    publisher.ensure_topic(1)
    admin.close()
    produce(settings, [b"new %d" % n for n in range(8)])
    claimed = []
    while not any(item.topic_id != before[0].partition.topic_id for item in claimed):
        source_or_error(source)
        claimed += source.claimed()
    source.start_at(claimed[-1], 0)
    after, losses = read_from(source, 8)
    assert [item.value for item in after] == [b"new %d" % n for n in range(8)]
    assert before[0].partition.topic_id != after[0].partition.topic_id != ""
    assert before[0].partition == after[0].partition
    assert losses == []


def source_or_error(source):
    """Poll; what is away is away."""
    try:
        source.poll(0.2)
    except SourceUnavailable:
        return


@pytest.mark.kafka
def test_a_header_name_that_is_not_utf8_stops_nothing(apache_kafka, settings_on, publishers, opened, read_from):
    settings = settings_on(apache_kafka)
    publishers(settings, 1)
    name = RawName("x")
    name.raw = b"n\xff\xfe"
    producer = KafkaProducer(bootstrap_servers=apache_kafka)
    producer.send(settings.topic, b"odd", headers=[(name, b"v"), ("content-type", b"text/x")], partition=0)
    producer.send(settings.topic, b"even", headers=[("content-type", b"text/x")], partition=0)
    producer.close()
    result, losses = read_from(opened(settings), 2)
    assert [item.headers for item in result] == [{"n??": "v", "content-type": "text/x"}, {"content-type": "text/x"}]
    assert losses == []


@BROKERS
def test_the_newest_message_is_found_behind_what_is_none(settings, publishers):
    publishers(settings)
    assert newest_message(settings) is None
    produce(settings, [b"first"] * 100, **{"compression.type": "lz4"})
    assert newest_message(settings).offset == 99
    produce(settings, [b"last", None, None])
    assert newest_message(settings).value == b"last"


def test_a_newest_message_that_cannot_be_read_is_one_line(embedded_broker, settings_on, publishers, monkeypatch):
    settings = settings_on(embedded_broker)
    publishers(settings)
    produce(settings, [b"packed"] * 100, **{"compression.type": "zstd"})
    monkeypatch.setattr(codec, "zstd", None)
    with pytest.raises(SourceUnavailable, match=r"cannot be read: .*compressed by zstd.*pip install"):
        newest_message(settings)
