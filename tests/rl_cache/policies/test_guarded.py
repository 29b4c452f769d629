"""The guard: whatever the agent does, little is lost to S3-FIFO; an agent that is better takes over."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from benchmarks.cache.adverse import ADVERSE
from rl_cache.errors import SimulationError
from rl_cache.laboratory.simulator import Simulation, simulate
from rl_cache.policies.eviction.guarded import Guarded
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import Knobs, ScoredS3Fifo
from rl_cache.traces.assemble import Sizes
from rl_cache.traces.read import read
from rl_cache.traces.trace import Trace

MOST_HARM = 0.01
"""Of S3-FIFO's byte miss ratio."""
HEURISTIC = Guarded().agent
CONTRARY = ScoredS3Fifo(Knobs(share=1.0, recency=1.0, frequency=-1.0))
"""Evicts what was read last and most."""


def harm(trace: Trace, agent: ScoredS3Fifo, share: float) -> float:
    capacity = int(share * trace.footprint_bytes)
    own, plain = simulate(trace, Guarded(agent), capacity), simulate(trace, S3Fifo(), capacity)
    return own.byte_miss_ratio / plain.byte_miss_ratio - 1


@pytest.mark.parametrize("name", sorted(ADVERSE))
@pytest.mark.parametrize("agent", [HEURISTIC, CONTRARY], ids=["heuristic", "contrary"])
def test_it_does_no_harm_on_adverse_traces(name: str, agent: ScoredS3Fifo) -> None:
    trace = ADVERSE[name](30_000, 2000, np.random.default_rng(11))
    assert max(harm(trace, agent, share) for share in (0.05, 0.1, 0.2)) <= MOST_HARM


@pytest.mark.parametrize("agent", [HEURISTIC, CONTRARY], ids=["heuristic", "contrary"])
def test_it_does_no_harm_on_real_block_accesses(agent: ScoredS3Fifo, real_data: Callable[[str], Path]) -> None:
    trace = read(real_data("cache/cloudphysics.oracleGeneral.bin"), Sizes.FIRST)
    assert max(harm(trace, agent, share) for share in (0.05, 0.1, 0.2)) <= MOST_HARM


def turning(rng: np.random.Generator) -> Trace:
    """What the heuristic serves better than S3-FIFO, then what it serves worse, then the first again."""
    good, bad = (ADVERSE[name](40_000, 2000, rng) for name in ("recency", "scans"))
    file = np.concatenate((good.file, good.n_files + bad.file, good.file))
    sizes = np.concatenate((good.file_size, bad.file_size))
    return Trace(np.arange(len(file), dtype=np.int64) * 20, file, sizes)


def test_an_agent_that_is_better_takes_over_gives_way_and_comes_back() -> None:
    trace = turning(np.random.default_rng(3))
    cache = Simulation(trace, Guarded(), int(0.05 * trace.footprint_bytes))
    decided = []
    for row in range(1000, len(trace) + 1000, 1000):
        cache.advance(row)
        decided.append(cache.state.steered)
    first, second, third = decided[:40], decided[40:80], decided[80:]
    assert any(first)
    assert not second[-1]
    assert any(third)
    assert harm(trace, HEURISTIC, 0.05) < 0.0


def test_until_the_sample_tells_it_is_s3fifo_to_the_last_request() -> None:
    trace = ADVERSE["shuffles"](2000, 400, np.random.default_rng(1))
    capacity = trace.footprint_bytes // 4
    own, plain = simulate(trace, Guarded(), capacity), simulate(trace, S3Fifo(), capacity)
    assert np.array_equal(own.hit_bytes, plain.hit_bytes)
    assert np.array_equal(own.deleted_bytes, plain.deleted_bytes)


@pytest.mark.parametrize("wrong", [{"gain": 1.0}, {"loss_share": 0.0}, {"budget": 0.0}, {"pause_every": 0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SimulationError, match=next(iter(wrong))):
        replace(Guarded(), **wrong)
