"""What every registered policy must keep, whatever it evicts."""

import numpy as np
import pytest

pytest.importorskip("numba")

from rl_cache.errors import SimulationError
from rl_cache.laboratory.simulator import Simulation, Watermarks, simulate
from rl_cache.policies.registry import CLAIRVOYANT, POLICIES, make_policy
from rl_cache.traces.trace import Trace
from tests.support.cache_traces import popular, trace_of

CAPACITY = 20_000
STORES_PART = {
    "random-admission": "tosses a coin",
    "belady-size": "stores only what is requested again",
    "scdl": "explores, and learns to let files go by",
}
"""Policies that let a file go by although it fits."""

every = pytest.mark.parametrize("name", sorted(POLICIES))


@pytest.fixture(scope="module")
def trace():
    return popular(np.random.default_rng(5))


@every
def test_the_books_balance(name, trace):
    replay = Simulation(trace, make_policy(name), CAPACITY)
    for row in range(100, len(trace) + 100, 100):
        replay.advance(row)
        assert 0 <= replay.occupied_bytes <= CAPACITY
        account = replay.account
        assert account.written_bytes.sum() - account.deleted_bytes.sum() == replay.occupied_bytes
    assert account.hits.sum() + account.misses.sum() == len(trace)
    assert account.hit_bytes.sum() + account.miss_bytes.sum() == trace.size.sum()
    assert account.written_bytes.sum() <= account.miss_bytes.sum() + account.fetched_bytes.sum()
    assert account.hits.sum() > 0


@every
def test_a_cache_that_holds_all_misses_each_file_once(name, trace):
    account = simulate(trace, make_policy(name), 100 * trace.footprint_bytes)
    if name in STORES_PART:
        assert account.deleted_bytes.sum() == 0
    else:
        assert account.misses.sum() == len(np.unique(trace.file))


@every
def test_a_replay_repeats_itself(name, trace):
    first, second = (simulate(trace, make_policy(name), CAPACITY) for _ in range(2))
    assert np.array_equal(first.hit_bytes, second.hit_bytes)
    assert np.array_equal(first.deleted_bytes, second.deleted_bytes)


@pytest.mark.parametrize("name", sorted(set(POLICIES) - CLAIRVOYANT))
def test_the_future_is_not_known(name, trace):
    """What happened up to a row does not depend on what is requested later."""
    rows = 1500
    later = np.random.default_rng(8).permutation(trace.file[rows:])
    other = Trace(trace.time_s, np.append(trace.file[:rows], later), trace.file_size)
    past, same = (Simulation(variant, make_policy(name), CAPACITY) for variant in (trace, other))
    for replay in (past, same):
        replay.advance(rows)
    assert np.array_equal(past.account.hit_bytes, same.account.hit_bytes)
    assert np.array_equal(past.account.deleted_bytes, same.account.deleted_bytes)


@every
def test_watermarks_hold(name, trace):
    replay = Simulation(trace, make_policy(name), CAPACITY, watermarks=Watermarks(0.6, 0.8))
    for row in range(50, len(trace) + 50, 50):
        replay.advance(row)
        assert replay.occupied_bytes <= 0.8 * CAPACITY


@every
def test_files_larger_than_the_cache_are_read_past_it(name):
    account = simulate(trace_of([0, 0, 1, 1, 0], [CAPACITY + 1, 3]), make_policy(name), CAPACITY)
    assert account.written_bytes.sum() <= 3
    assert account.misses.sum() >= 3


@every
def test_files_of_terabytes_do_not_overflow(name):
    sizes = np.full(50, 3 * 10**12)
    files = np.random.default_rng(3).integers(0, 50, 500)
    small = simulate(trace_of(files), make_policy(name), 40)
    large = simulate(trace_of(files, sizes), make_policy(name), 40 * 3 * 10**12)
    assert large.hits.sum() == pytest.approx(small.hits.sum(), abs=60)


@every
def test_nothing_beats_belady_where_files_have_one_size(name):
    files = popular(np.random.default_rng(6)).file
    best = simulate(trace_of(files), make_policy("belady"), 40)
    assert simulate(trace_of(files), make_policy(name), 40).hits.sum() <= best.hits.sum()


@every
def test_it_is_known_by_its_name(name):
    assert make_policy(name).name == name


def test_an_unknown_name_lists_the_known():
    with pytest.raises(SimulationError, match=r"no policy 'best'; choose from arc, belady, .*w-tinylfu"):
        make_policy("best")
