"""The guard: whatever the agent does, hardly anything is lost to S3-FIFO; an agent that is better decides soon."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.cache.adverse import ADVERSE
from rl_cache.errors import SimulationError
from rl_cache.laboratory.simulator import Simulation, simulate
from rl_cache.policies.eviction import shadowed
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import HEURISTIC, Knobs, ScoredS3Fifo
from rl_cache.traces.assemble import Sizes
from rl_cache.traces.read import read
from rl_cache.traces.trace import Trace
from tests.support.cache_traces import popular

CONTRARY = ScoredS3Fifo(Knobs(share=1.0, recency=1.0, frequency=-1.0))
"""Evicts what was read last and most."""


def byte_miss_ratio(trace: Trace, policy: ScoredS3Fifo | S3Fifo, share: float) -> float:
    return simulate(trace, policy, int(share * trace.footprint_bytes)).byte_miss_ratio


@given(
    st.integers(0, 2**32),
    st.integers(50, 100_000),
    st.sampled_from((0.001, 0.01, 0.1)),
    st.lists(st.floats(-2.0, 2.0), min_size=7, max_size=7),
)
@settings(max_examples=25, deadline=None)
def test_no_agent_on_any_trace_ever_loses_more_than_its_budget(
    seed: int, capacity: int, budget: float, weights: list[float]
) -> None:
    trace = popular(np.random.default_rng(seed))
    agent = ScoredS3Fifo(Knobs(1.0, *weights), seed=seed % 97)
    guarded, plain = Simulation(trace, agent.guarded(budget), capacity), Simulation(trace, S3Fifo(), capacity)
    for row in range(50, len(trace) + 50, 50):
        guarded.advance(row)
        plain.advance(row)
        assert guarded.account.miss_bytes.sum() <= (1.0 + budget) * plain.account.miss_bytes.sum()


@pytest.mark.parametrize("agent", [HEURISTIC, CONTRARY.guarded(), ScoredS3Fifo()], ids=["alone", "guarded", "s3fifo"])
def test_the_account_is_that_of_both_caches(agent: ScoredS3Fifo) -> None:
    trace = popular(np.random.default_rng(4))
    cache, plain = Simulation(trace, agent, 20_000), Simulation(trace, S3Fifo(), 20_000)
    for row in range(100, len(trace) + 100, 100):
        cache.advance(row)
        plain.advance(row)
        both = cache.state.cache
        common, annex, owed, plain_missed, more_missed, _ = both.bytes
        files = shadowed.cached_files(both)
        in_plain = plain.state.where <= 1
        assert np.array_equal(both.plain.where <= 1, in_plain)
        assert common == trace.file_size[files[in_plain[files]]].sum()
        assert annex == trace.file_size[files[~in_plain[files]]].sum()
        assert owed == trace.file_size[in_plain].sum() - common
        assert plain_missed == plain.account.miss_bytes.sum()
        assert more_missed == cache.account.miss_bytes.sum() - plain_missed


@pytest.mark.parametrize("agent", [HEURISTIC, CONTRARY], ids=["heuristic", "contrary"])
def test_it_does_no_harm_on_real_block_accesses(agent: ScoredS3Fifo, real_data: Callable[[str], Path]) -> None:
    trace = read(real_data("cache/cloudphysics.oracleGeneral.bin"), Sizes.FIRST)
    for share in (0.05, 0.2):
        assert byte_miss_ratio(trace, agent, share) > 1.01 * byte_miss_ratio(trace, S3Fifo(), share)
        assert byte_miss_ratio(trace, agent.guarded(), share) <= 1.01 * byte_miss_ratio(trace, S3Fifo(), share)


def test_an_agent_that_is_better_gains_most_of_what_it_gains_alone() -> None:
    trace = ADVERSE["recency"](40_000, 2000, np.random.default_rng(3))
    alone, guarded, plain = (byte_miss_ratio(trace, p, 0.05) for p in (HEURISTIC, HEURISTIC.guarded(), S3Fifo()))
    assert plain - alone > 0.02
    assert plain - guarded > 0.6 * (plain - alone)


@pytest.mark.parametrize("wrong", [0.0, -0.1, float("nan"), float("inf")])
def test_a_budget_that_makes_no_sense_is_refused(wrong: float) -> None:
    with pytest.raises(SimulationError, match="budget"):
        replace(HEURISTIC, budget=wrong)
