"""Every clause of the contract in streams/source.py, for every source there is.

A case knows how to fill one partition and how to open its source. EXEMPT names the clauses that a source
cannot be asked for, each with its reason.
"""

import time
import uuid
from functools import partial

import pytest
from kafka import KafkaAdminClient, TopicPartition

from conf.stream import KafkaSettings
from streams.codecs.limits import Limits
from streams.files.source import FileSource, FolderSource
from streams.kafka import KafkaPublisher, KafkaSource
from streams.kafka.client import options
from streams.source import Loss, Partition
from streams.subprocess_source import SubprocessSource
from streams.testing import ScriptedSource

LIMITS = Limits(1_000_000, 1000, 1000)


class KafkaCase:
    """A topic of its own on a broker."""

    finite = False

    def __init__(self, broker):
        name = uuid.uuid4().hex[:12]
        where = (
            {"bootstrap_servers": broker}
            if isinstance(broker, str)
            else {
                "bootstrap_servers": broker.bootstrap_servers,
                "cluster_id": broker.cluster_id,
                "embedded": True,
            }
        )
        self.settings = KafkaSettings(topic=f"t-{name}", group=f"g-{name}", session_timeout_s=6.0, **where)
        self.publisher = KafkaPublisher(self.settings)
        self.publisher.ensure_topic(4)
        self.sources = []

    def fill(self, count):
        for i in range(count):
            self.publisher.publish_bytes(b"%d" % i, {}, b"one-key")
        self.publisher.flush()

    def open(self):
        self.sources.append(KafkaSource(self.settings))
        return self.sources[-1]

    def take_away(self, source):
        """A second member comes and takes its share; ``source`` polls on meanwhile."""
        other = self.open()
        before = source.owned()
        until(lambda: (source.poll(0.05), other.poll(0.05), other.claimed(), other.owned())[-1])
        return before - source.owned(), other.close

    def forget_before(self, offset):
        """Make the broker forget the messages below ``offset``."""
        partitions = [TopicPartition(self.settings.topic, number) for number in range(4)]
        admin = KafkaAdminClient(**options(self.settings))
        ends = {at: end.offset for at, end in admin.list_partition_offsets(dict.fromkeys(partitions, -1)).items()}
        admin.delete_records({at: offset for at, end in ends.items() if end > offset})
        admin.close()

    def close(self):
        for source in self.sources:
            source.close()
        self.publisher.close()


class ApartCase(KafkaCase):
    """The same, read by a process of its own."""

    def open(self):
        self.sources.append(SubprocessSource(partial(KafkaSource, self.settings), 5.0))
        return self.sources[-1]


class ScriptedCase:
    finite = True

    def __init__(self):
        self.source, self.partition = ScriptedSource(), Partition("c", "t", 0)

    def fill(self, count):
        for i in range(count):
            self.source.publish(self.partition, b"%d" % i)

    def open(self):
        self.source.give(self.partition)
        self.source.end()
        return self.source

    def take_away(self, source):
        source.take_away(self.partition)
        return {self.partition}, lambda: source.give(self.partition)

    def forget_before(self, offset):
        self.source.forget_before(self.partition, offset)

    def close(self):
        self.source.close()


class FilesCase:
    """One CSV file: a lumisection a line."""

    finite = True

    def __init__(self, folder):
        self.path = folder / "table.csv"

    def fill(self, count):
        columns = "fromrun,fromlumi,hname,metype,histo,entries,Xmin,Xmax,Xbins,Ymin,Ymax,Ybins"
        lines = [f'1,{ls},A/b,3,"[0, 1, 2, 0]",3,0,1,2,0,1,1' for ls in range(1, count + 1)]
        self.path.write_text("\n".join([columns, *lines]) + "\n")

    def open(self):
        return FileSource([self.path], LIMITS, time.time)

    def close(self):
        pass


class FolderCase(FilesCase):
    finite = False

    def open(self):
        return FolderSource(self.path.parent, "*.csv", 0.0, LIMITS, time.time)


CASES = {
    "apache": lambda request: KafkaCase(request.getfixturevalue("apache_kafka")),
    "embedded": lambda request: KafkaCase(request.getfixturevalue("embedded_broker")),
    "apart": lambda request: ApartCase(request.getfixturevalue("apache_kafka")),
    "scripted": lambda _: ScriptedCase(),
    "files": lambda request: FilesCase(request.getfixturevalue("tmp_path")),
    "folder": lambda request: FolderCase(request.getfixturevalue("tmp_path")),
}
EXEMPT = {
    "rebalance": {
        "embedded": "its groups take 3 s for every change of their members; the code is that of apache",
        "files": "whoever is given a list of files has it alone",
        "folder": "nobody shares a folder",
    },
    "loss": {
        "embedded": "it deletes nothing on command; tests/streams/test_kafka.py overfills it instead",
        "files": "a file that has gone is a record that cannot be read",
        "folder": "a file that has gone is a record that cannot be read",
    },
    "beyond the end": {
        "files": "such a file is finished: its name stands for one content",
        "folder": "such a file is finished: its name stands for one content",
    },
}


def able_to(clause=None):
    """Parameters for ``case``: those that are not exempt from a clause."""
    names = [name for name in CASES if name not in EXEMPT.get(clause, {})]
    return [pytest.param(name, marks=[pytest.mark.kafka] if name in ("apache", "apart") else []) for name in names]


@pytest.fixture(params=able_to())
def case(request):
    built = CASES[request.param](request)
    yield built
    built.close()


def until(condition, timeout_s=30.0):
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
    return result


def claim(source):
    """Poll until something is claimed; all that was claimed."""
    claimed = []

    def step():
        assert source.poll(0.05) in ((), []), "delivered before start_at"
        claimed.extend(source.claimed())
        return claimed

    until(step)
    return claimed


def read(source, count):
    results = []
    until(lambda: (results.extend(source.poll(0.05)), len(results) >= count)[1])
    return results


def started(case, count, offset=None):
    """An open source whose partitions were started, and the partition that holds messages (after one poll)."""
    case.fill(count)
    source = case.open()
    for partition in claim(source):
        source.start_at(partition, offset)
    return source


def test_all_messages_come_once_in_offset_order_without_gaps(case):
    source = started(case, 300)
    result = read(source, 300)
    assert [message.offset for message in result] == list(range(300))
    assert len({message.partition for message in result}) == 1
    assert source.poll(0.2) in ((), [])
    assert source.losses() in ((), [])
    assert all(message.origin for message in result)
    assert all(message.published_s > 0 for message in result) or isinstance(source, ScriptedSource)


def test_a_partition_is_claimed_once_and_silent_until_it_is_started(case):
    case.fill(5)
    source = case.open()
    claimed = claim(source)
    assert len(set(claimed)) == len(claimed)
    assert set(claimed) == source.owned()
    for _ in range(5):
        assert source.poll(0.05) in ((), [])
    assert source.claimed() in ((), [])
    for partition in claimed:
        source.start_at(partition, None)
    assert [message.offset for message in read(source, 5)] == [0, 1, 2, 3, 4]


def test_start_at_names_the_next_message_wanted(case):
    case.fill(10)
    source = case.open()
    for partition in claim(source):
        source.start_at(partition, None)
    home = read(source, 10)[0].partition
    source.start_at(home, 7)
    assert [message.offset for message in read(source, 3)] == [7, 8, 9]


def test_start_at_of_a_partition_that_is_not_ours_does_nothing(case):
    source = started(case, 3)
    source.start_at(Partition("elsewhere", "other", 9), 1)
    assert [message.offset for message in read(source, 3)] == [0, 1, 2]


def test_poll_blocks_no_longer_than_its_timeout(case):
    source = started(case, 3)
    read(source, 3)
    for timeout_s in (0.0, 0.1, 0.3):
        began_s = time.monotonic()
        source.poll(timeout_s)
        assert time.monotonic() - began_s < timeout_s + 1.0


def test_pause_stops_delivery_and_keeps_what_is_ours(case):
    source = started(case, 300)
    source.pause()
    owned = source.owned()
    for _ in range(5):
        assert source.poll(0.05) in ((), [])
    assert source.owned() == owned
    source.resume()
    assert [message.offset for message in read(source, 300)] == list(range(300))


def test_a_partition_that_is_started_while_paused_waits_too(case):
    case.fill(5)
    source = case.open()
    source.pause()
    for partition in claim(source):
        source.start_at(partition, 2)
    for _ in range(5):
        assert source.poll(0.05) in ((), [])
    source.resume()
    assert [message.offset for message in read(source, 3)] == [2, 3, 4]


def test_lag_falls_to_nothing(case):
    source = started(case, 20)
    assert sum(source.lag().values()) > 0
    result = read(source, 20)
    assert source.lag().get(result[0].partition, 0) == 0
    assert set(source.lag()) <= source.owned()


def test_processed_is_for_display_and_fails_quietly(case):
    source = started(case, 3)
    home = read(source, 3)[0].partition
    source.processed({home: 3})
    source.processed({Partition("elsewhere", "other", 9): 1})
    source.processed({})
    source.start_at(home, 1)
    assert [message.offset for message in read(source, 2)] == [1, 2]


def test_only_what_is_finite_is_exhausted_and_only_at_its_end(case):
    case.fill(5)
    source = case.open()
    assert not source.exhausted()
    for partition in claim(source):
        source.start_at(partition, None)
    assert not source.exhausted()
    read(source, 5)
    source.poll(0.05)
    assert source.exhausted() is case.finite


def test_close_may_be_called_twice_and_gives_everything_back(case):
    source = started(case, 3)
    source.close()
    source.close()
    assert source.owned() == frozenset()


@pytest.mark.parametrize("case", able_to("rebalance"), indirect=True)
def test_a_partition_that_goes_away_is_silent_and_is_claimed_when_it_returns(case):
    source = started(case, 3)
    home = read(source, 3)[0].partition
    gone, give_back = case.take_away(source)
    assert gone
    assert not gone & source.owned()
    give_back()
    claimed = set()
    until(lambda: (source.poll(0.05), claimed.update(source.claimed()), gone <= claimed)[-1])
    # Until it is started again, nothing comes of it, wherever it was.
    case.fill(2)
    assert [message for message in source.poll(0.3) if message.partition in claimed] == []
    for partition in claimed:
        source.start_at(partition, 3 if partition == home else None)
    assert [message.offset for message in read(source, 2)] == [3, 4]


@pytest.mark.parametrize("case", able_to("loss"), indirect=True)
def test_messages_that_are_gone_are_a_loss(case):
    case.fill(10)
    case.forget_before(6)
    source = case.open()
    for partition in claim(source):
        source.start_at(partition, 0)
    result = read(source, 4)
    assert [message.offset for message in result] == [6, 7, 8, 9]
    assert list(source.losses()) == [Loss(result[0].partition, 0, 6)]
    assert source.losses() in ((), [])


@pytest.mark.parametrize("case", able_to("beyond the end"), indirect=True)
def test_an_offset_beyond_the_end_is_a_loss_and_all_is_read(case):
    source = started(case, 3, offset=1000)
    result = read(source, 3)
    assert [message.offset for message in result] == [0, 1, 2]
    assert Loss(result[0].partition, 1000, 0) in list(source.losses())


def test_every_exemption_is_of_a_case_and_has_a_reason():
    assert all(set(reasons) <= set(CASES) and all(reasons.values()) for reasons in EXEMPT.values())
