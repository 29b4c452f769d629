"""The same misses as libCacheSim, to the last request, wherever both mean the same policy.

Not compared: GDSF (libCacheSim 0.3.5 refuses files whose priority is below that of what they displace), Size (ties in
the order of its heap), BeladySize (its own random sample), WTinyLFU (a sketch, and never halved at byte sizes), ARC
with sizes (its step does not grow with the size of the file).
"""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cache import peer
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.registry import make_policy
from rl_cache.traces.read import read_oracle_general
from tests.support.cache_traces import popular, trace_of, write_oracle_general

pytestmark = pytest.mark.skipif(not peer.installed(), reason="libcachesim is not installed")

SAME = {"lru": "LRU", "fifo": "FIFO", "lfu": "LFU", "s3fifo": "S3FIFO", "sieve": "Sieve", "belady": "Belady"}
CLOUDPHYSICS = Path(os.environ.get("NIGHTSHIFT_DATA", "../shared/data")) / "cache/cloudphysics.oracleGeneral.bin"


def assert_same(trace, path, ours, theirs, capacity):
    account = simulate(trace, make_policy(ours), capacity)
    replayed = peer.replay(path, theirs, capacity)
    assert account.misses.sum() == round(replayed.request_miss_ratio * len(trace))
    assert account.byte_miss_ratio == pytest.approx(replayed.byte_miss_ratio, abs=1e-9)


@pytest.mark.parametrize("ours", SAME)
@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
def test_with_sizes(tmp_path, ours, share):
    trace = popular(np.random.default_rng(2), requests=20_000, files=3000, largest=50)
    path = write_oracle_general(trace, tmp_path / "x.oracleGeneral.bin")
    assert_same(trace, path, ours, SAME[ours], int(share * trace.footprint_bytes))


@pytest.mark.parametrize("ours", [*SAME, "arc"])
@pytest.mark.parametrize("files", [20, 300])
def test_with_files_of_one_byte(tmp_path, ours, files):
    trace = trace_of(popular(np.random.default_rng(3), requests=20_000, files=3000).file)
    path = write_oracle_general(trace, tmp_path / "x.oracleGeneral.bin")
    assert_same(trace, path, ours, {**SAME, "arc": "ARC"}[ours], files)


@pytest.mark.skipif(not CLOUDPHYSICS.exists(), reason="needs the real traces: set NIGHTSHIFT_DATA")
@pytest.mark.parametrize("ours", SAME)
def test_with_a_real_trace(ours):
    trace = read_oracle_general(CLOUDPHYSICS)
    assert_same(trace, CLOUDPHYSICS, ours, SAME[ours], trace.footprint_bytes // 10)
