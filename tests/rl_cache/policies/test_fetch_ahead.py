"""Fetching ahead over LRU: what is fetched, what bounds it, and what it counts."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import given
from hypothesis import strategies as st

from rl_cache.errors import SimulationError
from rl_cache.laboratory.simulator import Simulation, simulate
from rl_cache.policies.admission.fetch_ahead import (
    FETCHED,
    MAX_BURST_SHARE,
    MAX_UNREAD_SHARE,
    MISSED,
    READ,
    Burst,
    FetchAhead,
)
from rl_cache.policies.eviction.lru import Lru
from rl_cache.traces.trace import LabelColumn, Trace
from tests.support.cache_traces import popular, whole_datasets

ALWAYS = FetchAhead({"T": Burst(3, 6)})
FILES, SIZE = 10, 10
CAPACITY = 100 * FILES * SIZE


def test_the_rest_of_a_dataset_is_there_when_it_is_requested() -> None:
    trace = whole_datasets(datasets=300, runs=1500, files=FILES, size=SIZE)
    plain, ahead = simulate(trace, Lru(), CAPACITY), Simulation(trace, ALWAYS, CAPACITY)
    ahead.advance()
    assert ahead.account.misses.sum() < 0.8 * plain.misses.sum()
    assert ahead.account.fetched_bytes.sum() == ahead.state.sums[FETCHED] > 0
    assert ahead.state.sums[READ] > 0.9 * ahead.state.sums[FETCHED]
    assert ahead.state.sums[MISSED] == ahead.account.miss_bytes.sum()


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from([0.1, 1.0, 30.0]))
def test_what_is_fetched_in_vain_is_bounded(seed: int, files: int, hours: float) -> None:
    rng = np.random.default_rng(seed)
    trace = popular(rng, requests=600, files=80, largest=50)
    code = rng.integers(0, 6, trace.n_files).astype(np.int32)
    labels = LabelColumn(code % 2, ("T", "U"))
    labelled = replace(trace, dataset=LabelColumn(code, tuple("abcdef")), tier=labels)
    cache = Simulation(labelled, FetchAhead({"T": Burst(files, hours)}), 2000)
    for row in range(50, len(trace) + 50, 50):
        cache.advance(row)
        sums, account = cache.state.sums, cache.account
        assert sums[FETCHED] - sums[READ] <= MAX_UNREAD_SHARE * sums[MISSED]
        assert 0 <= sums[READ] <= sums[FETCHED] == account.fetched_bytes.sum()
        assert account.written_bytes.sum() - account.deleted_bytes.sum() == cache.occupied_bytes <= 2000


@pytest.mark.parametrize("bursts", [{}, {"other": Burst(1, 1)}, {"T": Burst(10**6, 1)}])
def test_without_a_burst_it_is_lru(bursts: dict[str, Burst]) -> None:
    trace = whole_datasets(datasets=30, runs=60, files=FILES, size=SIZE)
    own, plain = simulate(trace, FetchAhead(bursts), 1000), simulate(trace, Lru(), 1000)
    assert own.hit_bytes.tolist() == plain.hit_bytes.tolist()
    assert own.deleted_bytes.tolist() == plain.deleted_bytes.tolist()


def test_files_read_too_long_ago_set_nothing_off_and_a_burst_is_fetched_once() -> None:
    """Files 0 to 5 are read, leave the cache, and come back: 0 and 1 an hour apart, and 2."""
    hour = 3600
    size = np.full(200, SIZE)
    code = np.where(np.arange(200) < 6, 0, 1).astype(np.int32)
    file = np.concatenate((np.arange(6), 10 + np.arange(150), [0, 1, 2]))
    time_s = np.concatenate((np.arange(156), 100 * hour + np.array([0, hour, 2 * hour])))
    trace = Trace(time_s, file, size, dataset=LabelColumn(code, ("a", "b")), tier=LabelColumn(code, ("T", "other")))
    capacity = int(2 * SIZE / MAX_BURST_SHARE) - 1
    for files, hours, fetched in ((3, 1.5, 0), (2, 1.5, 1), (3, 2, 1), (4, 2, 0)):
        account = simulate(trace, FetchAhead({"T": Burst(files, hours)}), capacity)
        assert account.fetched_bytes.sum() == fetched * SIZE, (files, hours)


@pytest.mark.parametrize(("files", "hours"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_impossible_bursts_are_refused(files: int, hours: float) -> None:
    with pytest.raises(SimulationError, match="a burst has"):
        Burst(files, hours)


def test_a_trace_without_datasets_is_refused() -> None:
    with pytest.raises(SimulationError, match="no datasets"):
        simulate(popular(np.random.default_rng(0)), ALWAYS, 100)
