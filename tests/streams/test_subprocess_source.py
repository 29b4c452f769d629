"""A source in a process of its own: what the other process adds in failures and in speed of ending.

That it keeps the contract of its kind is shown in tests/contracts/test_sources.py.
"""

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from conf.errors import SettingsError
from conf.stream import KafkaSettings
from streams import subprocess_source
from streams.codecs.limits import Limits
from streams.errors import SourceUnavailable
from streams.files.source import FileSource
from streams.kafka import KafkaSource
from streams.source import Partition
from streams.subprocess_source import SubprocessSource
from streams.testing import ScriptedSource
from tests.support.processes import child, within

PARTITION = Partition("c", "t", 0)


def scripted(count=0):
    """A source that the other process makes for itself."""
    source = ScriptedSource()
    for number in range(count):
        source.publish(PARTITION, b"%d" % number * 50_000)
    source.give(PARTITION)
    return source


class Failing(ScriptedSource):
    """Its polls do what ``how`` says."""

    def __init__(self, how):
        super().__init__()
        self.how = how

    def poll(self, timeout_s):  # noqa: ARG002 - the contract's name
        if self.how == "unavailable":
            raise SourceUnavailable("the broker is away")
        if self.how == "fault":
            raise LookupError("a fault of ours")
        if self.how == "exit":
            os._exit(7)
        time.sleep(60)


@pytest.fixture
def opened():
    sources = []

    def open_(opener, silence_s=30.0):
        sources.append(SubprocessSource(opener, silence_s))
        return sources[-1]

    yield open_
    for source in sources:
        source.close()


def child_of(source):
    return source._reader._process.pid


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_messages_come_as_the_source_inside_delivers_them(opened):
    source = opened(partial(scripted, 5))
    assert not source.poll(0.0)
    assert source.claimed() == [PARTITION]
    source.start_at(PARTITION, 2)
    assert [message.value for message in source.poll(0.0)] == [b"%d" % number * 50_000 for number in (2, 3, 4)]


def test_records_that_are_decoded_already_pass_too(opened, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("fromrun,nothing else\n1,2\n")
    source = opened(partial(FileSource, [table], Limits(1_000, 10, 10), time.time))
    source.poll(0.0)
    (partition,) = source.claimed()
    source.start_at(partition, None)
    (message,) = source.poll(0.0)
    assert message.value.reason


def test_an_outage_is_told_and_polling_goes_on(opened):
    source = opened(partial(Failing, "unavailable"))
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match="the broker is away"):
            source.poll(0.0)


def test_a_fault_inside_comes_out(opened):
    with pytest.raises(LookupError, match="a fault of ours"):
        opened(partial(Failing, "fault")).poll(0.0)


def test_what_cannot_be_opened_is_said_by_the_constructor():
    with pytest.raises(SettingsError, match=r"stream\.kafka\.cluster_id"):
        SubprocessSource(partial(KafkaSource, KafkaSettings(embedded=True)), 5.0)


def test_a_process_that_ends_is_told_once_and_started_again(opened):
    source = opened(partial(scripted, 3))
    source.poll(0.0)
    (partition,) = source.claimed()
    os.kill(child_of(source), signal.SIGKILL)
    with pytest.raises(SourceUnavailable, match="has ended"):
        source.poll(0.0)
    assert source.owned() == frozenset()
    assert source.lag() == {}
    source.poll(0.0)
    assert source.claimed() == [partition]
    source.start_at(partition, 1)
    assert [message.offset for message in source.poll(0.0)] == [1, 2]


def test_it_is_told_also_where_something_else_was_asked_first(opened):
    source = opened(partial(scripted, 3))
    os.kill(child_of(source), signal.SIGKILL)
    assert source.lag() == {}
    with pytest.raises(SourceUnavailable, match="has ended"):
        source.poll(0.0)
    assert not source.poll(0.0)


def test_a_pause_outlives_the_process(opened):
    source = opened(partial(scripted, 3))
    source.pause()
    os.kill(child_of(source), signal.SIGKILL)
    with pytest.raises(SourceUnavailable):
        source.poll(0.0)
    source.poll(0.0)
    source.start_at(*source.claimed(), 0)
    assert not source.poll(0.0)
    source.resume()
    assert len(source.poll(0.0)) == 3


def test_a_process_that_gives_no_answer_is_replaced(opened, monkeypatch):
    source = opened(partial(Failing, "hang"))
    monkeypatch.setattr(subprocess_source, "ANSWER_S", 0.5)
    began_s = time.monotonic()
    with pytest.raises(SourceUnavailable, match="has ended"):
        source.poll(0.0)
    assert time.monotonic() - began_s < 10


def test_signals_to_the_group_do_not_end_it_and_closing_does(opened):
    source = opened(partial(scripted, 1))
    pid = child_of(source)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    assert not source.poll(0.0)
    source.close()
    assert not alive(pid)
    assert not source.poll(0.0)


def test_a_process_that_is_stopped_is_replaced(opened):
    source = opened(partial(scripted, 3), silence_s=1.0)
    source.poll(0.0)
    pid = child_of(source)
    os.kill(pid, signal.SIGSTOP)
    began_s = time.monotonic()
    with pytest.raises(SourceUnavailable, match="has ended"):
        source.poll(0.0)
    assert time.monotonic() - began_s < subprocess_source.ANSWER_S / 2
    assert not alive(pid)
    source.poll(0.0)
    assert source.claimed() == [PARTITION]


RECEIVER = """
import sys, time
from functools import partial
from streams.subprocess_source import SubprocessSource
from streams.errors import SourceUnavailable
from tests.support.processes import child, within
from tests.streams.test_subprocess_source import scripted
source = SubprocessSource(partial(scripted, 200), 1.0)
source.poll(0.0)
source.start_at(source.claimed()[0], 0)
print(source._reader._process.pid, flush=True)
# Asked for more than a socket holds; the answer is not taken before the next line is read.
{asks}
sys.stdin.readline()
try:
    source.poll(0.0)
except SourceUnavailable as error:
    print(error, flush=True)
source.close()
"""


@pytest.mark.parametrize(
    "asks", ["", "source._reader._line.send(('poll', (0.0,)))"], ids=["between polls", "in a poll"]
)
def test_partitions_are_given_up_where_the_receiver_is_stopped(asks):
    with child([sys.executable, "-c", RECEIVER.format(asks=asks)], stderr=None) as receiver:
        pid = int(receiver.stdout.readline())
        time.sleep(1.5)
        assert alive(pid), "a receiver that is busy is not stopped"
        receiver.send_signal(signal.SIGSTOP)
        assert within(60, lambda: not running(pid))
        receiver.send_signal(signal.SIGCONT)
        printed, _ = receiver.communicate("go on\n", timeout=120)
    assert "another one was started" in printed


def running(pid):
    """Whether a process works; one that has ended may wait for its parent to look at it."""
    return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_it_does_not_outlive_a_killed_parent():
    program = (
        "from functools import partial; from streams.subprocess_source import SubprocessSource; "
        "from streams.testing import ScriptedSource; source = SubprocessSource(ScriptedSource, 5.0); "
        "print(source._reader._process.pid, flush=True); input()"
    )
    with child([sys.executable, "-c", program], stderr=None) as parent:
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
        assert within(60, lambda: not alive(pid))
