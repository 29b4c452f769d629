"""What the control flow counts, by hand; and that stopping in between changes nothing."""

import numpy as np
import pytest

from rl_cache.errors import SimulationError
from rl_cache.laboratory.simulator import Simulation, Watermarks, simulate
from rl_cache.policies.eviction.lru import Lru
from tests.support.cache_traces import popular, trace_of

DAY = 86_400


def test_every_byte_is_counted():
    # A cache of 10 bytes: 0 and 1 are stored, 0 hits, 2 displaces 1, 1 displaces 0 and 2, 3 does not fit at all.
    account = simulate(trace_of([0, 1, 0, 2, 1, 3], [4, 5, 5, 11]), Lru(), 10)
    assert (account.hits.sum(), account.misses.sum()) == (1, 5)
    assert account.hit_bytes.sum() == 4
    assert account.miss_bytes.sum() == 4 + 5 + 5 + 5 + 11
    assert account.written_bytes.sum() == 4 + 5 + 5 + 5
    assert account.deleted_bytes.sum() == 5 + 4
    assert account.byte_miss_ratio == 30 / 34
    assert account.request_miss_ratio == 5 / 6


def test_days_are_counted_apart():
    account = simulate(trace_of([0, 0, 0], times=[DAY, DAY + 5, 3 * DAY]), Lru(), 10)
    assert account.first_day == 1
    assert account.misses.tolist() == [1, 0, 0]
    assert account.hits.tolist() == [1, 0, 1]


def test_the_warm_up_fills_the_cache_and_does_not_count():
    trace = trace_of([0, 1, 0, 1, 2])
    account = simulate(trace, Lru(), 10, warm_up=2)
    assert (account.hits.sum(), account.misses.sum(), account.written_bytes.sum()) == (2, 1, 1)


def test_watermarks_purge_from_high_to_low():
    replay = Simulation(trace_of(range(10)), Lru(), 10, watermarks=Watermarks(0.5, 0.8))
    occupied = []
    for row in range(1, 11):
        replay.advance(row)
        occupied.append(replay.occupied_bytes)
    assert occupied == [1, 2, 3, 4, 5, 6, 7, 8, 5, 6]
    assert replay.account.deleted_bytes.sum() == 4


def test_misses_are_redirected_once_the_day_is_full():
    trace = trace_of([0, 1, 2, 3, 4, 0, 4, 4], times=[0, 0, 0, 0, 0, 0, 0, DAY])
    # 95% of 3 bytes are used up by the third miss, so the fourth and what follows it goes elsewhere.
    account = simulate(trace, Lru(), 9, daily_bandwidth=3)
    assert account.misses.tolist() == [3, 1]
    assert account.redirects.tolist() == [3, 0]
    assert account.redirected_bytes.tolist() == [3, 0]
    assert account.hits.tolist() == [1, 0]
    assert account.request_miss_ratio == 4 / 5
    assert simulate(trace, Lru(), 9, daily_bandwidth=5).misses.tolist() == [5, 0]


def test_stopping_in_between_changes_nothing():
    trace = popular(np.random.default_rng(1))
    replay = Simulation(trace, Lru(), 20_000, warm_up=500)
    for row in (0, 1, 700, 700, 2999, 10_000):
        replay.advance(row)
    whole = simulate(trace, Lru(), 20_000, warm_up=500)
    assert replay.row == len(trace)
    assert np.array_equal(replay.account.hit_bytes, whole.hit_bytes)
    assert np.array_equal(replay.account.deleted_bytes, whole.deleted_bytes)


def test_an_account_is_a_copy():
    replay = Simulation(trace_of([0, 0]), Lru(), 5)
    before = replay.account
    replay.advance()
    assert before.hits.sum() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"capacity_bytes": 0}, "capacity_bytes is 0"),
        ({"capacity_bytes": 5, "warm_up": 2}, "warm_up is 2; the trace has 2 requests"),
        ({"capacity_bytes": 5, "warm_up": -1}, "warm_up is -1"),
        ({"capacity_bytes": 5, "daily_bandwidth": 0}, "daily_bandwidth is 0"),
    ],
)
def test_senseless_arguments_are_refused(arguments, message):
    with pytest.raises(SimulationError, match=message):
        simulate(trace_of([0, 0]), Lru(), **arguments)


@pytest.mark.parametrize(("low", "high"), [(0.9, 0.8), (0.8, 0.8), (0, 0.5), (0.5, 1.1)])
def test_senseless_watermarks_are_refused(low, high):
    with pytest.raises(SimulationError, match="need 0 < low < high <= 1"):
        Watermarks(low, high)
