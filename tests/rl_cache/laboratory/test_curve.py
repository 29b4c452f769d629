"""Miss-ratio curves in one pass: LRU to the last request where files have one size, close where not, and sampled."""

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import given, settings
from hypothesis import strategies as st

from rl_cache.errors import SimulationError
from rl_cache.laboratory.curve import lru_curve
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.eviction.lru import Lru
from rl_cache.traces.assemble import Sizes
from rl_cache.traces.read import read
from tests.support.cache_traces import popular, trace_of

SHARES = np.array([0.02, 0.05, 0.1, 0.2, 0.5, 1.0])


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_with_files_of_one_size_it_is_lru(files: list[int]) -> None:
    trace = trace_of(np.unique(files, return_inverse=True)[1])
    curve = lru_curve(trace, np.arange(1, trace.n_files + 1) / trace.n_files)
    for capacity, ratio in zip(curve.capacity_bytes, curve.request_miss_ratio, strict=True):
        assert ratio == pytest.approx(simulate(trace, Lru(), int(capacity)).request_miss_ratio)


def test_with_sizes_it_is_close_to_lru() -> None:
    trace = popular(np.random.default_rng(5))
    curve = lru_curve(trace, SHARES)
    simulated = [simulate(trace, Lru(), int(capacity)).byte_miss_ratio for capacity in curve.capacity_bytes]
    assert np.abs(curve.byte_miss_ratio - simulated).max() < 0.02
    assert (np.diff(curve.byte_miss_ratio) <= 0).all()


def test_a_sample_of_real_block_accesses_is_close_to_lru(real_data) -> None:  # type: ignore[no-untyped-def]
    trace = read(real_data("cache/cloudphysics.oracleGeneral.bin"), Sizes.FIRST)
    sampled = lru_curve(trace, SHARES, 0.2)
    simulated = [simulate(trace, Lru(), int(capacity)).byte_miss_ratio for capacity in sampled.capacity_bytes]
    assert np.abs(sampled.byte_miss_ratio - simulated).max() < 0.03


@pytest.mark.parametrize(("shares", "sample"), [([0.0], 1.0), ([0.1], 0.0), ([0.1], 1.5), ([0.1], 1e-9)])
def test_what_makes_no_sense_is_refused(shares: list[float], sample: float) -> None:
    with pytest.raises(SimulationError, match="sample"):
        lru_curve(trace_of([0, 1, 0]), np.array(shares), sample)
