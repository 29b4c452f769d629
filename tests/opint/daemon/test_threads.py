"""Streams side by side: one fate, one voice."""

import threading

import numpy as np
import pytest

from conf.errors import NightshiftError
from opint.daemon import run
from opint.daemon.run import Stream, WatchdogBarrier
from streams.source import Partition
from streams.testing import ScriptedSource

PLACE = Partition("c", "t", 0)


class Counting:
    """Takes messages in, into a list that may be ``shared``; stops everything when five are there, or fails."""

    def __init__(self, source, stop=None, error=None, why="", shared=None):
        self.source, self.stop, self.error, self.why = source, stop, error, why
        self.shared = [] if shared is None else shared
        self.seen, self.told = [], []

    def claim(self, partitions):
        return dict.fromkeys(partitions)

    def handle(self, messages):
        if self.error is not None:
            raise self.error
        self.seen += messages
        self.shared += messages
        if self.stop is not None and len(self.shared) == 5:
            self.stop.set()
        return {PLACE: messages[-1].offset + 1}

    def lost(self, loss):
        raise AssertionError(loss)

    def tick(self):
        pass

    def waiting(self, reason):
        raise AssertionError(reason)

    def waiting_reason(self):
        return self.why

    def stopped(self):
        self.told.append("stopped")


def stream(name, messages=0, **more):
    source = ScriptedSource()
    source.give(PLACE)
    for n in range(messages):
        source.publish(PLACE, b"%d" % n)
    return Stream(name, source, Counting(source, **more))


def test_each_stream_gets_its_own_messages_until_all_stop():
    stop = threading.Event()
    shared = []
    streams = [stream(name, n, stop=stop, shared=shared) for name, n in (("histograms", 2), ("rates", 3))]
    texts = []
    run.run(streams, stop, np.random.default_rng(0), texts.append)
    assert [len(item.watcher.seen) for item in streams] == [2, 3]
    assert all(item.source.closed and item.watcher.told == ["stopped"] for item in streams)
    assert (texts[0], texts[-1]) == ("READY=1", "STOPPING=1")


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.timeout(30)
def test_one_that_fails_stops_all_with_its_reason(which):
    errors = [None, None]
    errors[which] = NightshiftError("the model is gone")
    streams = [stream("histograms", 1, error=errors[0]), stream("rates", 1, error=errors[1])]
    with pytest.raises(NightshiftError, match="the model is gone"):
        run.run(streams, threading.Event(), np.random.default_rng(0), lambda _: None)
    assert all(item.source.closed for item in streams)
    assert streams[0].watcher.told == []


def test_a_loop_that_hangs_does_not_hide_behind_one_that_moves():
    texts = []
    watchdog = WatchdogBarrier(["histograms", "rates"], texts.append)
    for _ in range(3):
        watchdog.notifier("histograms")("WATCHDOG=1")
    assert texts == []
    watchdog.notifier("rates")("WATCHDOG=1")
    watchdog.notifier("rates")("WATCHDOG=1")
    assert texts == ["WATCHDOG=1"]
    watchdog.notifier("histograms")("WATCHDOG=1")
    assert texts == ["WATCHDOG=1"] * 2


def test_troubles_are_told_by_stream_where_there_are_several():
    item, other = stream("histograms", why="the broker is away"), stream("rates", why="the database is away")
    assert run.waiting_reason([item]) == "the broker is away"
    assert run.waiting_reason([item, stream("rates")]) == "histograms: the broker is away"
    assert run.waiting_reason([item, other]) == "histograms: the broker is away; rates: the database is away"
