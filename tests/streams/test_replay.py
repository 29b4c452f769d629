"""The replay's pace, its end, and its patience with a broker of small memory."""

import threading
import time

import numpy as np
import pytest

from streams.kafka import KafkaSource
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement
from streams.replay import REAL_TIME, UNREAD_BYTES, replay

CATALOGUE = Catalogue.of([MonitoringElement("a/b", (Axis(4, 0.0, 1.0),))])


def batch(ls, subsystem="Muon"):
    counts = np.ones((1, 4), dtype=np.float32)
    key = LumisectionKey(1, ls)
    return HistogramBatch(key, "/d", subsystem, Conditions(), CATALOGUE, (counts,), np.zeros((1, 2)), np.ones(1))


class StatusChange:
    """A clock that goes on when somebody waits for the stop event that belongs to it."""

    def __init__(self):
        self.now, self.stop = 100.0, threading.Event()
        self.stop.wait = self._wait

    def __call__(self):
        return self.now

    def _wait(self, timeout):
        self.now += timeout
        return self.stop.is_set()


class Recorder:
    """A publisher that notes what it is given, and when."""

    def __init__(self, clock=time.monotonic):
        self.sent, self.clock, self.flushed, self.unread = [], clock, 0, 0

    def publish(self, batch, content_type):
        self.sent.append((batch.key.ls, batch.subsystem, content_type, self.clock()))

    def unread_bytes(self):
        return self.unread

    def flush(self):
        self.flushed += 1


def test_lumisections_come_at_the_pace_and_their_batches_together():
    clock = StatusChange()
    publisher, reported = Recorder(clock), []
    batches = [batch(ls, subsystem) for ls in (1, 2, 3) for subsystem in ("Muon", "Strips")]
    report = lambda key, done: reported.append((key.ls, done))  # noqa: E731
    assert replay(batches, publisher, "x", 0.5, clock.stop, clock=clock, progress=report) == 3
    assert [(ls, at) for ls, subsystem, _, at in publisher.sent if subsystem == "Muon"] == [
        (1, 100.0),
        (2, 102.0),
        (3, 104.0),
    ]
    assert [at for *_, at in publisher.sent[::2]] == [at for *_, at in publisher.sent[1::2]]
    assert {kind for _, _, kind, _ in publisher.sent} == {"x"}
    assert reported == [(1, 1), (2, 2), (3, 3)]
    assert publisher.flushed == 1


def test_what_is_late_is_published_at_once_and_nothing_is_skipped():
    clock = StatusChange()
    publisher = Recorder(clock)

    def slow():
        for ls in range(1, 6):
            if ls == 3:
                clock.now += 10
            yield batch(ls)

    replay(slow(), publisher, "x", 1.0, clock.stop, clock=clock)
    assert [(ls, at) for ls, _, _, at in publisher.sent] == [(1, 100), (2, 101), (3, 111), (4, 111), (5, 111)]


def test_without_a_pace_nothing_waits():
    clock = StatusChange()
    publisher = Recorder(clock)
    assert replay((batch(ls) for ls in range(1000)), publisher, "x", None, clock.stop, clock=clock) == 1000
    assert clock.now == 100.0


def test_real_time_is_one_lumisection_in_23_seconds():
    clock = StatusChange()
    publisher = Recorder(clock)
    replay([batch(1), batch(2)], publisher, "x", REAL_TIME, clock.stop, clock=clock)
    assert publisher.sent[1][3] - publisher.sent[0][3] == pytest.approx(23.31)


def test_stop_ends_it_after_the_lumisection_in_hand():
    clock = StatusChange()
    publisher = Recorder(clock)
    batches = [batch(ls, subsystem) for ls in (1, 2, 3) for subsystem in ("Muon", "Strips")]

    def halt(key, done):
        if done == 2:
            clock.stop.set()

    assert replay(batches, publisher, "x", None, clock.stop, clock=clock, progress=halt) == 2
    assert [(ls, subsystem) for ls, subsystem, *_ in publisher.sent] == [
        (1, "Muon"),
        (1, "Strips"),
        (2, "Muon"),
        (2, "Strips"),
    ]
    assert publisher.flushed == 1


def test_stop_ends_a_long_pause_at_once():
    stop = threading.Event()
    publisher = Recorder()
    threading.Timer(0.2, stop.set).start()
    began_s = time.monotonic()
    assert replay([batch(1), batch(2)], publisher, "x", 0.001, stop) == 1
    assert time.monotonic() - began_s < 5


def test_a_pace_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"the pace is 0; it must be more than 0"):
        replay([], Recorder(), "x", 0, threading.Event())


def test_it_waits_while_too_much_lies_unread():
    clock = StatusChange()
    publisher = Recorder(clock)
    publisher.unread = UNREAD_BYTES + 1
    waits = []

    def wait(timeout):
        waits.append(timeout)
        publisher.unread -= 1 if len(waits) == 5 else 0

    clock.stop.wait = wait
    assert replay([batch(1)], publisher, "x", None, clock.stop, clock=clock) == 1
    assert len(waits) == 5


class Raw:
    """Publishes bytes instead of encoding, so that the sizes are known."""

    def __init__(self, publisher, size):
        self._publisher, self._size = publisher, size
        self.unread_bytes, self.flush = publisher.unread_bytes, publisher.flush

    def publish(self, batch, _):
        self._publisher.publish_bytes(b"%08d" % batch.key.ls + bytes(self._size), {}, b"one-key")


def test_the_embedded_broker_loses_nothing_of_what_exceeds_its_memory(embedded_broker, settings_on, publishers):
    settings = settings_on(embedded_broker)
    publisher = Raw(publishers(settings), 200_000)
    count = 100  # 20 MB through a memory of 5 MiB
    stop = threading.Event()
    arguments = ((batch(ls) for ls in range(count)), publisher, "x", None, stop)
    producer = threading.Thread(target=replay, args=arguments)
    producer.start()
    source, received, losses, deadline = KafkaSource(settings), [], [], time.monotonic() + 60
    while len(received) < count and time.monotonic() < deadline:
        result = source.poll(0.2)
        received.extend(int(message.value[:8]) for message in result)
        for partition in source.claimed():
            source.start_at(partition, 0)
        losses.extend(source.losses())
        source.processed({message.partition: message.offset + 1 for message in result})
    stop.set()
    producer.join()
    source.close()
    assert losses == []
    assert received == list(range(count))
