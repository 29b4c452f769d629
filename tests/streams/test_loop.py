"""The loop against a scripted source and a handler that stores in memory, under all kinds of trouble."""

import threading
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import FencedError, SourceUnavailable, Unavailable
from streams.loop import LONGEST_PAUSE_S, RECLAIM_S, run
from streams.source import Partition
from streams.testing import ScriptedSource

FIRST, SECOND = Partition("c", "t", 1), Partition("c", "t", 2)


class Clock:
    """A clock that goes on by ``step`` seconds each time somebody looks."""

    def __init__(self, step=0.3):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


class Store:
    """A handler that keeps offsets and effects together, as the database does, and fails on command."""

    def __init__(self, stop, until):
        self.offsets, self.effects, self.lost_messages, self.waits, self.claims = {}, [], [], [], []
        self.trouble, self.fenced, self.ticks, self.stop, self.until = {}, {}, 0, stop, until
        self.attempts = 0

    def _fail(self, where):
        if self.trouble.get(where):
            raise self.trouble[where].pop(0)

    def claim(self, partitions):
        self._fail("claim")
        self.claims.append(tuple(partitions))
        return {partition: self.offsets.get(partition) for partition in partitions}

    def handle(self, messages):
        self.attempts += 1
        self._fail("handle")
        for message in messages:
            if self.fenced.get(message.partition):
                self.fenced[message.partition] -= 1
                raise FencedError("fenced", message.partition)
        for message in messages:
            if message.offset >= self.offsets.get(message.partition, 0):
                self.effects.append((message.partition, message.offset))
                self.offsets[message.partition] = message.offset + 1
        return {message.partition: self.offsets[message.partition] for message in messages}

    def lost(self, loss):
        self._fail("lost")
        self.lost_messages.append(loss)
        self.offsets[loss.partition] = loss.resumed

    def tick(self):
        self._fail("tick")
        self.ticks += 1
        if self.until(self):
            self.stop.set()

    def waiting(self, reason):
        self.waits.append(reason)


def never(_):
    return False


def ignore(_):
    return None


@pytest.fixture
def world():
    """``world(until)``: a stop event, a source, a store whose tick stops the loop when ``until(store)``."""

    def build(until=never, at_most=100):
        stop = threading.Event()
        return stop, ScriptedSource(at_most), Store(stop, until)

    return build


def go(stop, source, store, clock=None, reports=None):
    notify = ignore if reports is None else reports.append
    run(source, store, stop, np.random.default_rng(1), clock=clock or Clock(), notify=notify)


def fill(source, partition, count):
    for i in range(count):
        source.publish(partition, b"%d" % i)


def all_of(*counts):
    return [(partition, i) for partition, count in counts for i in range(count)]


def test_all_messages_of_a_source_that_ends_are_handled_once_and_committed(world):
    stop, source, store = world(at_most=7)
    for partition in (FIRST, SECOND):
        source.give(partition)
        fill(source, partition, 20)
    source.end()
    reports = []
    go(stop, source, store, reports=reports)
    assert sorted(store.effects) == all_of((FIRST, 20), (SECOND, 20))
    assert source.committed == {FIRST: 20, SECOND: 20}
    assert source.closed
    assert (reports[0], reports[-1]) == ("READY=1", "STOPPING=1")
    assert "WATCHDOG=1" in reports
    assert store.waits == []


def test_reading_goes_on_where_the_store_says(world):
    stop, source, store = world()
    store.offsets[FIRST] = 3
    source.give(FIRST)
    fill(source, FIRST, 5)
    source.end()
    go(stop, source, store)
    assert store.effects == [(FIRST, 3), (FIRST, 4)]


def test_while_the_store_is_away_nothing_is_lost_and_polling_goes_on(world):
    stop, source, store = world(at_most=5)
    source.give(FIRST)
    fill(source, FIRST, 20)
    source.end()
    store.trouble["handle"] = [Unavailable("database away")] * 12
    clock = Clock(0.01)
    polls = []
    waiting = store.waiting
    store.waiting = lambda reason: (waiting(reason), polls.append(source.polls))
    go(stop, source, store, clock)
    assert store.effects == all_of((FIRST, 20))
    assert store.waits[:-1] == ["database away"] * 12
    assert store.waits[-1] == ""
    # Between the last tries there was a lot of time, and the source was polled all along.
    assert polls[-2] - polls[-3] > 10
    assert source.lag() == {}


def test_pauses_grow_to_a_limit_and_are_spread(world):
    stop, source, store = world()
    source.give(FIRST)
    fill(source, FIRST, 1)
    source.end()
    store.trouble["handle"] = [Unavailable("away")] * 14
    clock, times = Clock(0.02), []
    store.waiting = lambda _: times.append(clock.now)
    go(stop, source, store, clock)
    pauses = np.diff(times)
    assert pauses[0] < 1
    assert max(pauses) <= LONGEST_PAUSE_S + 1
    assert min(pauses[8:13]) >= LONGEST_PAUSE_S / 2
    assert len({round(float(pause), 2) for pause in pauses[8:13]}) > 1


def test_a_fenced_partition_is_dropped_and_the_others_are_handled(world):
    stop, source, store = world(lambda store: len(store.effects) >= 10)
    store.fenced[FIRST] = 1
    for partition in (FIRST, SECOND):
        source.give(partition)
        fill(source, partition, 10)
    go(stop, source, store)
    assert store.effects == all_of((SECOND, 10))
    assert source.committed == {SECOND: 10}


def test_a_fenced_partition_that_stays_ours_is_claimed_again_later(world):
    stop, source, store = world()
    source.give(FIRST)
    fill(source, FIRST, 10)
    store.fenced[FIRST] = 1
    clock = Clock()
    store.until = lambda store: len(store.effects) >= 10
    go(stop, source, store, clock)
    assert store.claims == [(FIRST,), (FIRST,)]
    assert clock.now > RECLAIM_S
    assert store.effects == all_of((FIRST, 10))


def test_a_fence_that_names_no_partition_drops_the_whole_batch(world):
    stop, source, store = world(lambda store: store.ticks > 3)
    source.give(FIRST)
    fill(source, FIRST, 3)
    store.trouble["handle"] = [FencedError("somebody else")]
    go(stop, source, store)
    assert store.effects == []
    assert store.attempts == 1


def test_a_tick_may_find_a_partition_fenced(world):
    stop, source, store = world(lambda store: len(store.effects) >= 20)
    for partition in (FIRST, SECOND):
        source.give(partition)
    store.trouble["tick"] = [FencedError("fenced", FIRST)]
    clock = Clock()
    for partition in (FIRST, SECOND):
        fill(source, partition, 10)
    go(stop, source, store, clock)
    assert store.claims == [(FIRST, SECOND), (FIRST,)]
    assert clock.now > RECLAIM_S


def test_what_is_retained_of_a_partition_that_goes_away_is_dropped(world):
    stop, source, store = world(lambda store: store.attempts >= 2)
    for partition in (FIRST, SECOND):
        source.give(partition)
        fill(source, partition, 3)
    store.trouble["handle"] = [Unavailable("away")]
    waiting = store.waiting
    store.waiting = lambda reason: (waiting(reason), source.take_away(FIRST))
    go(stop, source, store)
    assert store.effects == all_of((SECOND, 3))


def test_a_partition_that_comes_back_is_claimed_and_read_again(world):
    stop, source, store = world(lambda store: len(store.effects) == 3)
    source.give(FIRST)
    fill(source, FIRST, 3)
    store.trouble["handle"] = [Unavailable("away")]
    waiting = store.waiting
    store.waiting = lambda reason: (waiting(reason), source.take_away(FIRST), source.give(FIRST))
    go(stop, source, store)
    assert len(store.claims) > 1
    assert store.effects == all_of((FIRST, 3))


def test_a_loss_is_reported_once_before_what_follows_it(world):
    stop, source, store = world()
    store.offsets[FIRST] = 2
    source.give(FIRST)
    fill(source, FIRST, 10)
    source.forget_before(FIRST, 6)
    source.end()
    store.trouble["lost"] = [Unavailable("away")]
    go(stop, source, store)
    (loss,) = store.lost_messages
    assert (loss.expected, loss.resumed) == (2, 6)
    assert store.effects == [(FIRST, i) for i in range(6, 10)]


def test_what_came_before_a_loss_is_handled_before_it(world):
    stop, source, store = world(at_most=3)
    source.give(FIRST)
    fill(source, FIRST, 10)
    source.end()
    store.trouble["handle"] = [Unavailable("away")]
    waiting = store.waiting
    store.waiting = lambda reason: (waiting(reason), source.forget_before(FIRST, 7))
    go(stop, source, store)
    assert store.effects == [(FIRST, i) for i in (0, 1, 2, 7, 8, 9)]
    assert [(loss.expected, loss.resumed) for loss in store.lost_messages] == [(3, 7)]


def test_a_fenced_loss_is_dropped(world):
    stop, source, store = world(lambda store: store.ticks > 3)
    source.give(FIRST)
    fill(source, FIRST, 3)
    source.forget_before(FIRST, 2)
    store.offsets[FIRST] = 0
    store.trouble["lost"] = [FencedError("somebody else", FIRST)]
    go(stop, source, store)
    assert store.lost_messages == store.effects == []


def test_a_source_that_is_away_is_asked_again_and_ticks_go_on(world):
    stop, source, store = world()
    source.fail(*[SourceUnavailable("Kafka is away")] * 4)
    source.give(FIRST)
    fill(source, FIRST, 3)
    source.end()
    clock, ticks = Clock(), []
    tick = store.tick
    store.tick = lambda: (tick(), ticks.append(clock.now))
    go(stop, source, store, clock)
    assert store.waits == ["Kafka is away"] * 4 + [""]
    assert store.effects == all_of((FIRST, 3))
    assert max(np.diff(ticks)) < 4


def test_ticks_come_about_once_a_second_though_messages_flow(world):
    stop, source, store = world(lambda store: store.ticks == 20, at_most=1)
    source.give(FIRST)
    fill(source, FIRST, 1000)
    clock = Clock(0.05)
    go(stop, source, store, clock)
    assert 20 < clock.now < 40
    assert len(store.effects) > 20


@pytest.mark.parametrize("where", ["claim", "handle", "lost", "tick"])
def test_a_fault_comes_out_and_the_source_is_closed(world, where):
    stop, source, store = world()
    source.give(FIRST)
    fill(source, FIRST, 3)
    source.forget_before(FIRST, 1)
    store.offsets[FIRST] = 0

    def broken(*_):
        raise ZeroDivisionError(where)

    setattr(store, where, broken)
    with pytest.raises(ZeroDivisionError, match=where):
        go(stop, source, store)
    assert source.closed


def test_stop_finishes_the_batch_in_hand(world):
    stop, source, store = world(at_most=5)
    source.give(FIRST)
    fill(source, FIRST, 50)
    handle = store.handle
    store.handle = lambda messages: (stop.set(), handle(messages))[1]
    go(stop, source, store)
    assert store.effects == all_of((FIRST, 5))
    assert source.committed == {FIRST: 5}


def test_stop_does_not_wait_for_a_store_that_is_away(world):
    stop, source, store = world()
    source.give(FIRST)
    fill(source, FIRST, 5)
    store.trouble["handle"] = [Unavailable("away")] * 1000
    store.waiting = lambda _: stop.set() if store.attempts == 3 else None
    go(stop, source, store)
    assert store.attempts == 3
    assert source.committed == {}
    assert source.closed


EVENTS = st.lists(
    st.sampled_from(["away", "source away", "fence 1", "fence 2", "move 1", "move 2", "restart"]), max_size=25
)


@settings(max_examples=60)
@given(events=EVENTS, seed=st.integers(0, 2**32 - 1))
def test_whatever_happens_every_message_acts_once_and_in_order(events, seed):
    rng = np.random.default_rng(seed)
    counts = {FIRST: 30, SECOND: 30}
    pending = list(events)
    store = Store(threading.Event(), never)
    source = None

    def disturb():
        event = pending.pop() if pending and rng.random() < 0.3 else ""
        partition = SECOND if event.endswith("2") else FIRST
        if event == "away":
            store.trouble.setdefault(str(rng.choice(["claim", "handle", "tick"])), []).append(Unavailable("away"))
        elif event == "source away":
            source.fail(SourceUnavailable("away"))
        elif event.startswith("fence"):
            store.fenced[partition] = 1
        elif event.startswith("move"):
            source.take_away(partition)
            source.give(partition)
        elif event == "restart":
            store.stop.set()

    def done():
        return len(store.effects) >= sum(counts.values())

    for _ in range(100):
        if done():
            break
        source, store.stop, store.until = ScriptedSource(at_most=4), threading.Event(), lambda _: done()
        for partition, count in counts.items():
            source.give(partition)
            fill(source, partition, count)
        store.handle = lambda messages: (disturb(), Store.handle(store, messages))[1]
        go(store.stop, source, store, Clock(2.0))
    assert Counter(store.effects) == Counter(all_of(*counts.items()))
    for partition in counts:
        owns = [offset for where, offset in store.effects if where == partition]
        assert owns == sorted(owns)
