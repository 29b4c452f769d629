"""A trace of a hundred million requests, read from a file and replayed under LRU: requests a second, and memory.

libCacheSim, which maps the same file into memory, is measured beside it; reading is counted for both.
"""

import tempfile
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.cache import peer
from benchmarks.report import Result, progress
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.eviction.lru import Lru
from rl_cache.traces.assemble import Sizes
from rl_cache.traces.binary import read_records
from rl_cache.traces.on_disk import assemble_on_disk
from rl_cache.traces.read import RECORD
from rl_cache.traces.trace import Trace

_BLOCK = 1_000_000


def run(quick: bool) -> dict[str, Result]:
    """One round of each."""
    requests = 200_000 if quick else 100_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "zipf.oracleGeneral.bin"
        progress(f"writing {requests:,} requests")
        _write(path, requests, np.random.default_rng(3))
        trace = _read(path)
        capacity = trace.footprint_bytes // 10
        simulate(trace.part(0, 1000), Lru(), capacity)  # compiles
        progress("reading and replaying")
        began = time.process_time()
        ratio = simulate(_read(path), Lru(), capacity).byte_miss_ratio
        rate = requests / (time.process_time() - began)
        tracemalloc.start()
        simulate(_read(path), Lru(), capacity)
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        theirs = peer.replay(path, "LRU", capacity) if peer.installed() else None
    note = f"per second of CPU time, reading included; {requests:,} requests, {trace.n_files:,} files, one round"
    rates = Result(rate, "requests/s", n=1, note=note)
    missed = Result(ratio, "byte miss ratio", n=1)
    if theirs is not None:
        rival = requests / theirs.cpu_s
        rates = replace(rates, peer="libcachesim", peer_value=rival, ratio=rate / rival)
        missed = replace(missed, peer="libcachesim", peer_value=theirs.byte_miss_ratio)
    return {
        "long_trace_lru_requests_per_s": rates,
        "long_trace_byte_miss_ratio": missed,
        "long_trace_memory_bytes": Result(memory, "B", n=1, note="most that Python and NumPy held; requests on disk"),
    }


def _read(path: Path) -> Trace:
    return assemble_on_disk(read_records(path, RECORD), str(path), Sizes.CONSTANT)


def _write(path: Path, requests: int, rng: np.random.Generator) -> None:
    files = requests // 50
    size = rng.integers(1, 1 << 20, files + 1)
    with path.open("wb") as stream:
        for start in range(0, requests, _BLOCK):
            records = np.zeros(min(_BLOCK, requests - start), RECORD)
            records["time"] = (start + np.arange(len(records))) // 100
            records["file"] = np.minimum(rng.zipf(1.1, len(records)), files)
            records["size"] = size[records["file"]]
            records["next"] = np.iinfo(np.int64).max
            stream.write(records.tobytes())
