"""Prefetch: it fetches known siblings in a burst, and whatever it fetches is paid for."""

import numpy as np
import pytest

pytest.importorskip("numba")

from rl_cache.errors import SimulationError
from rl_cache.laboratory.simulator import Simulation, simulate
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.reference.sibling_prefetch import SiblingPrefetch
from rl_cache.traces.trace import DAY_S, LabelColumn, Trace
from tests.support.cache_traces import popular

SIZE, FILES = 10, 60


def reruns(datasets: int = 8, runs: int = 40) -> Trace:
    """Each run reads one dataset as a whole within an hour; runs are a day apart."""
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, datasets, runs)
    file = np.concatenate([dataset * FILES + rng.permutation(FILES) for dataset in chosen])
    time_s = np.concatenate([run * DAY_S + np.arange(FILES) * 60 for run in range(runs)])
    code = np.repeat(np.arange(datasets), FILES).astype(np.int32)
    sizes = np.full(datasets * FILES, SIZE)
    return Trace(time_s, file, sizes, dataset=LabelColumn(code, tuple(f"/{n}" for n in range(datasets))))


CAPACITY = 3 * FILES * SIZE


def test_siblings_of_a_burst_are_there_when_they_are_requested() -> None:
    trace = reruns()
    plain = simulate(trace, S3Fifo(), CAPACITY)
    ahead = simulate(trace, SiblingPrefetch(trigger=3, max_share=0.5), CAPACITY)
    assert ahead.request_miss_ratio < 0.7 * plain.request_miss_ratio
    assert ahead.fetched_bytes.sum() > 0
    # What was fetched was read from afar all the same.
    assert ahead.byte_miss_ratio > 0.95 * plain.byte_miss_ratio
    afar = ahead.miss_bytes.sum() + ahead.fetched_bytes.sum()
    assert ahead.byte_miss_ratio == afar / trace.size.sum()


def test_what_is_fetched_is_bounded_by_burst() -> None:
    trace = reruns(runs=12)
    account = simulate(trace, SiblingPrefetch(trigger=3, max_share=0.1), CAPACITY)
    assert 0 < account.fetched_bytes.max() <= 0.1 * CAPACITY


def test_nothing_unknown_is_fetched() -> None:
    """No file was requested before its own first request, so each dataset's first run fetches nothing."""
    trace = reruns(runs=1)
    assert simulate(trace, SiblingPrefetch(trigger=1), CAPACITY).fetched_bytes.sum() == 0


@pytest.mark.parametrize("other", [SiblingPrefetch(max_share=0.0), SiblingPrefetch(trigger=10**9)])
def test_without_fetching_it_is_s3fifo(other: SiblingPrefetch) -> None:
    for trace in (reruns(), popular(np.random.default_rng(5))):
        own, plain = simulate(trace, other, CAPACITY), simulate(trace, S3Fifo(), CAPACITY)
        assert own.hit_bytes.tolist() == plain.hit_bytes.tolist()
        assert own.deleted_bytes.tolist() == plain.deleted_bytes.tolist()


def test_the_books_balance_with_what_is_fetched() -> None:
    trace = reruns()
    replay = Simulation(trace, SiblingPrefetch(trigger=3, max_share=0.5), CAPACITY)
    for row in range(50, len(trace) + 50, 50):
        replay.advance(row)
        account = replay.account
        assert 0 <= replay.occupied_bytes <= CAPACITY
        assert account.written_bytes.sum() - account.deleted_bytes.sum() == replay.occupied_bytes


@pytest.mark.parametrize("wrong", [{"trigger": 0}, {"gap_s": -1}, {"max_share": 1.5}])
def test_impossible_parameters_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SimulationError, match="sibling-prefetch"):
        SiblingPrefetch(**wrong)  # type: ignore[arg-type]
