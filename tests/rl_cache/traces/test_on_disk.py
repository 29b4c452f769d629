"""Traces too long for memory: the same requests as in memory, within a memory that does not grow with them."""

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("numba")

from rl_cache.errors import TraceError
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.registry import POLICIES, make_policy
from rl_cache.traces import read
from rl_cache.traces.assemble import Sizes
from rl_cache.traces.on_disk import assemble_on_disk
from rl_cache.traces.read import RECORD
from tests.support.cache_traces import popular, write_oracle_general


def records(requests, files=1000, since=0):
    rng = np.random.default_rng(1)
    rows = np.zeros(requests, RECORD)
    rows["time"], rows["file"] = since + np.arange(requests), rng.integers(0, files, requests) ** 2
    rows["size"] = 1 + rows["file"] % 100
    return rows


def test_it_is_the_same_trace_as_in_memory(tmp_path, monkeypatch):
    path = write_oracle_general(popular(np.random.default_rng(7)), tmp_path / "x.oracleGeneral.bin")
    in_memory = read.read(path)
    monkeypatch.setattr(read, "ON_DISK_BYTES", 1)
    monkeypatch.setattr("rl_cache.traces.binary._BLOCK_ROWS", 700)
    on_disk = read.read(path)
    assert isinstance(on_disk.file.base, np.memmap)
    assert np.array_equal(on_disk.file_name[on_disk.file], in_memory.file_name[in_memory.file])
    assert np.array_equal(on_disk.size, in_memory.size)
    assert np.array_equal(on_disk.time_s, in_memory.time_s)
    for name in ("lru", "s3fifo", "belady"):
        misses = [simulate(trace, make_policy(name), 20_000).misses for trace in (in_memory, on_disk)]
        assert np.array_equal(*misses), POLICIES[name]


def test_memory_does_not_grow_with_the_requests(monkeypatch):
    monkeypatch.setattr("rl_cache.traces.trace._SLICE_ROWS", 50_000)
    peaks = []
    for blocks in (2, 20):
        tracemalloc.start()
        trace = assemble_on_disk((records(50_000, since=50_000 * k) for k in range(blocks)), "x", Sizes.CONSTANT)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(trace) == blocks * 50_000
    assert peaks[1] < 1.2 * peaks[0]


def test_sizes_that_change_are_refused_with_their_place():
    blocks = [records(1000), records(1000, since=1000)]
    blocks[1]["size"][7] += 1
    with pytest.raises(TraceError, match="at request 1007"):
        assemble_on_disk(blocks, "x", Sizes.CONSTANT)
    first = assemble_on_disk(blocks, "x", Sizes.FIRST)
    assert first.size[1007] == blocks[1]["size"][7] - 1


def test_an_empty_trace_is_refused():
    with pytest.raises(TraceError, match="empty"):
        assemble_on_disk([], "x", Sizes.FIRST)
