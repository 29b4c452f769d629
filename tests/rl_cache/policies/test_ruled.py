"""Rules over LRU: without any it is LRU, and each does what it says."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from rl_cache.errors import SimulationError
from rl_cache.laboratory.simulator import Simulation, simulate
from rl_cache.policies.admission.ruled import RuledLru, Rules
from rl_cache.policies.eviction.lru import Lru
from rl_cache.traces.trace import LabelColumn, Trace
from tests.support.cache_traces import popular

CAPACITY = 20_000


@pytest.fixture(scope="module")
def trace() -> Trace:
    rng = np.random.default_rng(5)
    requests = popular(rng)
    code = rng.integers(0, 4, requests.n_files).astype(np.int32)
    return replace(
        requests, tier=LabelColumn(code, ("a", "b", "c", "d")), dataset=LabelColumn(code, ("/a", "/b", "/c", "/d"))
    )


def directory_bytes(trace: Trace, rules: Rules, looks: int = 20) -> np.ndarray:
    """Bytes of each directory in the cache at some moments; shape (looks, 4)."""
    cache = Simulation(trace, RuledLru(rules), CAPACITY)
    files = []
    for row in np.linspace(len(trace) // 2, len(trace), looks).astype(int):
        cache.advance(int(row))
        files.append(cache.state.occupied[:4].copy())
    return np.array(files)


def test_without_rules_it_is_lru(trace: Trace) -> None:
    own, plain = simulate(trace, RuledLru(), CAPACITY), simulate(trace, Lru(), CAPACITY)
    assert np.array_equal(own.hit_bytes, plain.hit_bytes)
    assert np.array_equal(own.deleted_bytes, plain.deleted_bytes)


def test_a_refused_directory_is_never_stored(trace: Trace) -> None:
    assert directory_bytes(trace, Rules(refused=frozenset({"b"})))[:, 1].max() == 0
    assert directory_bytes(trace, Rules())[:, 1].min() > 0


def test_a_directory_over_its_quota_is_purged_first(trace: Trace) -> None:
    free, bound = directory_bytes(trace, Rules())[:, 2], directory_bytes(trace, Rules(quotas={"c": 0.05}))[:, 2]
    largest = int(trace.file_size.max())
    assert bound.max() <= 0.05 * CAPACITY + largest < free.mean()


def test_what_is_pinned_stays(trace: Trace) -> None:
    few = replace(trace, dataset=LabelColumn((np.arange(trace.n_files) >= 3).astype(np.int32), ("/pinned", "/other")))
    cache = Simulation(few, RuledLru(Rules(pinned=frozenset({"/pinned"}))), CAPACITY)
    first = int(max(np.flatnonzero(few.file == file)[0] for file in range(3) if (few.file == file).any()))
    for row in np.linspace(first + 1, len(few), 20).astype(int):
        cache.advance(int(row))
        for file in range(3):
            assert cache.state.links[file, 0] >= 0 or not (few.file == file).any()


def test_pins_that_fill_the_cache_do_not_hang_it(trace: Trace) -> None:
    account = simulate(trace, RuledLru(Rules(pinned=frozenset({"/a", "/b", "/c", "/d"}))), CAPACITY)
    assert account.hits.sum() + account.misses.sum() == len(trace)


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, float("nan")])
def test_quotas_are_shares(share: float) -> None:
    with pytest.raises(SimulationError, match="quotas"):
        Rules(quotas={"a": share})
