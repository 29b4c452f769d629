"""Members of a consumer group: how they join, share, and keep what is theirs."""

import os
import signal
import subprocess
import sys
import time

import pytest
from kafka import KafkaConsumer

from streams.kafka import KafkaSource


@pytest.mark.kafka
def test_one_member_joins_once(apache_kafka, settings_on, publishers):
    settings = settings_on(apache_kafka)
    publishers(settings, 2)
    source = KafkaSource(settings)
    claims, until = [], time.monotonic() + 3
    while time.monotonic() < until:
        source.poll(0.1)
        claims.extend(source.claimed())
    source.close()
    assert len(claims) == 2


def test_the_answer_to_a_join_is_not_missed_between_polls(embedded_broker, settings_on, publishers):
    # It comes after 3 s, of which the timeout is an even part; whoever misses it waits 5 s more.
    def join_s():
        settings = settings_on(embedded_broker)
        publishers(settings, 4)
        source, start = KafkaSource(settings), time.monotonic()
        while not source.owned() and time.monotonic() < start + 20:
            source.poll(0.05)
        source.close()
        return time.monotonic() - start

    # A machine that is busy for seconds may miss it once.
    assert any(join_s() < 6 for _ in range(2))


@pytest.mark.kafka
def test_a_rebalance_that_outlasts_polls_is_taken_up(apache_kafka, settings_on, publishers, monkeypatch):
    # A member that joins before it knows the topic, and learns of it then, joins again; polls end meanwhile.
    monkeypatch.setattr(KafkaConsumer, "partitions_for_topic", lambda *_: {0})
    for _ in range(3):
        settings = settings_on(apache_kafka)
        publishers(settings, 2)
        source = KafkaSource(settings)
        deadline = time.monotonic() + 20
        while not source.owned() and time.monotonic() < deadline:
            source.poll(0.003)
        owned = source.owned()
        source.close()
        assert len(owned) == 2


@pytest.mark.kafka
def test_two_members_share_the_partitions_and_nothing_is_missed(apache_kafka, settings_on, publishers):
    settings = settings_on(apache_kafka)
    publisher = publishers(settings, 4)
    stored, received, sources = {}, set(), [KafkaSource(settings), KafkaSource(settings)]

    def step(source):
        for message in source.poll(0.05):
            received.add((message.partition, message.offset))
            stored[message.partition] = max(stored.get(message.partition, 0), message.offset + 1)
        for partition in source.claimed():
            source.start_at(partition, stored.get(partition))

    deadline, published = time.monotonic() + 40, 0
    while time.monotonic() < deadline and (published < 200 or len(received) < published):
        if published < 200:
            publisher.publish_bytes(b"x", {}, b"%d" % published)
            published += 1
        # The second joins late, which makes the first give partitions up.
        for source in sources[: 1 if published < 50 else 2]:
            step(source)
        if published == 200 and not sources[1].owned():
            published -= 1
    shares = [len(source.owned()) for source in sources]
    for source in sources:
        source.close()
    assert shares == [2, 2]
    assert len(received) >= 200


@pytest.mark.kafka
def test_a_member_that_is_paused_keeps_its_partitions_by_polling(apache_kafka, settings_on, publishers, read_from):
    settings = settings_on(apache_kafka, session_timeout_s=6.0)
    publisher = publishers(settings, 2)
    publisher.publish_bytes(b"1", {}, b"k")
    publisher.flush()
    source = KafkaSource(settings)
    read_from(source, 1)
    source.pause()
    publisher.publish_bytes(b"2", {}, b"k")
    publisher.flush()
    until = time.monotonic() + 8
    while time.monotonic() < until:
        assert source.poll(0.5) == []
    assert source.claimed() == []
    assert len(source.owned()) == 2
    source.resume()
    result, _ = read_from(source, 1)
    source.close()
    assert [m.value for m in result] == [b"2"]


MEMBER = """
import sys, time
from functools import partial
from conf.stream import KafkaSettings
from streams.subprocess_source import SubprocessSource
from streams.errors import SourceUnavailable
from streams.kafka import KafkaSource
settings = KafkaSettings.model_validate_json(sys.argv[1])
source = SubprocessSource(partial(KafkaSource, settings), settings.session_timeout_s / 2)
while True:
    try:
        source.poll(0.2)
    except SourceUnavailable:
        continue
    if source.claimed():
        print("claimed", flush=True)
"""


@pytest.fixture
def member():
    """``member(settings)``: the number of another process, which has all partitions."""
    started = []

    def start(settings):
        program = [sys.executable, "-c", MEMBER, settings.model_dump_json()]
        started.append(subprocess.Popen(program, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "claimed\n"
        return started[-1].pid

    yield start
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


def test_partitions_of_a_member_that_is_stopped_go_to_another(embedded_broker, settings_on, publishers, member):
    """What fetches for it is not stopped, and would keep them; test_subprocess_source.py stops the other half."""
    settings = settings_on(embedded_broker)
    publishers(settings, 4)
    stopped = member(settings)
    source = KafkaSource(settings)
    source.poll(0.5)
    os.kill(stopped, signal.SIGSTOP)
    began_s = time.monotonic()
    while len(source.owned()) < 4 and time.monotonic() < began_s + 60:
        source.poll(0.05)
    took_s = time.monotonic() - began_s
    source.close()
    # The embedded broker takes 3 s more to hand partitions over.
    assert took_s < settings.session_timeout_s + 5
