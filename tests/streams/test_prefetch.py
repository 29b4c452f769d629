"""Reading ahead changes when messages are fetched and nothing else."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streams.errors import SourceUnavailable
from streams.prefetch import PrefetchingSource
from streams.source import Loss, Partition
from streams.testing import ScriptedSource

A, B = Partition("c", "t", 0), Partition("c", "t", 1)


def filled(count=10, at_most=3):
    source = ScriptedSource(at_most)
    for number in range(count):
        source.publish(A, b"%d" % number)
    source.give(A)
    prefetching = PrefetchingSource(source)
    assert prefetching.poll(0.0).claimed == [A]
    prefetching.start_at(A, 0)
    return source, prefetching


def offsets(delivery):
    return [message.offset for message in delivery.messages]


def test_what_was_fetched_ahead_comes_next_and_counts_as_lag():
    source, prefetching = filled()
    assert offsets(prefetching.poll(0.0)) == [0, 1, 2]
    prefetching.prefetch()
    prefetching.prefetch()
    assert source.lag()[A] == 4
    assert prefetching.lag() == {A: 7}
    assert offsets(prefetching.poll(0.0)) == [3, 4, 5]
    assert offsets(prefetching.poll(0.0)) == [6, 7, 8]


def test_a_new_start_forgets_what_was_fetched_ahead():
    _, prefetching = filled()
    prefetching.prefetch()
    prefetching.start_at(A, 7)
    assert offsets(prefetching.poll(0.0)) == []
    assert offsets(prefetching.poll(0.0)) == [7, 8, 9]


def test_while_paused_what_was_fetched_ahead_waits():
    _, prefetching = filled()
    prefetching.prefetch()
    prefetching.pause()
    assert offsets(prefetching.poll(0.0)) == []
    prefetching.resume()
    assert offsets(prefetching.poll(0.0)) == [0, 1, 2]


def test_nothing_comes_of_a_partition_that_was_taken_away_or_given_anew():
    source, prefetching = filled()
    prefetching.prefetch()
    source.take_away(A)
    result = prefetching.poll(0.0)
    assert (offsets(result), result.owned) == ([], frozenset())
    source.give(A)
    assert prefetching.poll(0.0).claimed == [A]
    prefetching.start_at(A, 0)
    prefetching.prefetch()
    source.take_away(A)
    source.give(A)
    result = prefetching.poll(0.0)
    assert (offsets(result), result.claimed) == ([], [A])


def test_an_error_of_the_poll_ahead_is_raised_by_the_next_one():
    source, prefetching = filled()
    source.fail(SourceUnavailable("away"))
    prefetching.prefetch()
    with pytest.raises(SourceUnavailable, match="away"):
        prefetching.poll(0.0)
    assert offsets(prefetching.poll(0.0)) == [0, 1, 2]


def test_a_loss_comes_with_the_messages_behind_it():
    source, prefetching = filled()
    assert offsets(prefetching.poll(0.0)) == [0, 1, 2]
    source.forget_before(A, 5)
    prefetching.prefetch()
    result = prefetching.poll(0.0)
    assert list(result.losses) == [Loss(A, 3, 5)]
    assert offsets(result) == [5, 6, 7]


def test_only_the_last_delivery_says_that_nothing_follows():
    source, prefetching = filled(6)
    source.end()
    first = prefetching.poll(0.0)
    prefetching.prefetch()
    assert not first.exhausted
    assert prefetching.poll(0.0).exhausted


class Reading(RuleBasedStateMachine):
    """Whatever happens between polls, a started partition is delivered from its start on, without gap or repetition."""

    @initialize()
    def begin(self):
        self.source = ScriptedSource(at_most=4)
        self.prefetching = PrefetchingSource(self.source)
        self.positions, self.fresh, self.paused, self.published = {}, set(), False, {A: 0, B: 0}

    @rule(partition=st.sampled_from([A, B]), count=st.integers(1, 9))
    def publish(self, partition, count):
        for _ in range(count):
            self.source.publish(partition, b"x")
        self.published[partition] += count

    @rule(partition=st.sampled_from([A, B]))
    def give(self, partition):
        self.source.give(partition)
        self.positions.pop(partition, None)

    @rule(partition=st.sampled_from([A, B]))
    def take_away(self, partition):
        self.source.take_away(partition)
        self.fresh.discard(partition)
        self.positions.pop(partition, None)

    @precondition(lambda self: self.fresh)
    @rule()
    def start(self):
        partition = min(self.fresh)
        self.fresh.discard(partition)
        self.prefetching.start_at(partition, 0)
        self.positions[partition] = 0

    @precondition(lambda self: self.positions)
    @rule(data=st.data())
    def start_again(self, data):
        partition = data.draw(st.sampled_from(sorted(self.positions)))
        self.positions[partition] = data.draw(st.integers(0, self.published[partition]))
        self.prefetching.start_at(partition, self.positions[partition])

    @rule(paused=st.booleans())
    def turn(self, paused):
        self.paused = paused
        (self.prefetching.pause if paused else self.prefetching.resume)()

    @rule()
    def prefetch(self):
        self.prefetching.prefetch()

    @rule()
    def poll(self):
        result = self.prefetching.poll(0.0)
        self.fresh |= set(result.claimed) & result.owned
        assert not (self.paused and result.messages)
        for message in result.messages:
            assert message.offset == self.positions[message.partition]
            self.positions[message.partition] += 1

    @invariant()
    def nothing_is_forgotten(self):
        if hasattr(self, "ahead"):
            lag = self.prefetching.lag()
            assert all(lag[at] == self.published[at] - next_one for at, next_one in self.positions.items())


Reading.TestCase.settings = settings(max_examples=200, stateful_step_count=30)
TestReading = Reading.TestCase
