"""Requests per second, beside libCacheSim's C core on the same requests, in turns.

Each replays a trace of Zipf popularity whose cache holds a tenth of its bytes. libCacheSim reads it from a file in its
own binary format, mapped into memory. Ours has it in arrays; making those from the file, once for all policies, is
measured apart.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.cache import peer
from benchmarks.report import Result, progress
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.registry import make_policy
from rl_cache.traces.read import RECORD, read_oracle_general
from rl_cache.traces.trace import Trace

COMPARED = {"lru": "LRU", "s3fifo": "S3FIFO", "gdsf": "GDSF"}
ALONE = ("sieve", "arc", "w-tinylfu", "belady")


def run(quick: bool) -> dict[str, Result]:
    """Measure; the peer is left out where libcachesim is not installed."""
    requests, rounds = (20_000, 2) if quick else (2_000_000, 7)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "zipf.oracleGeneral.bin"
        _write(path, requests, np.random.default_rng(1))
        trace = read_oracle_general(path)
        reading = _rates(lambda: read_oracle_general(path), requests, rounds)
        results = {"reading_requests_per_s": _result(reading)}
        for name, theirs in COMPARED.items():
            results[f"{name}_requests_per_s"] = _compare_speed(trace, path, name, theirs, rounds)
        for name in ALONE:
            rates = _rates(lambda name=name: _ours(trace, name), len(trace), rounds)  # type: ignore[misc]
            results[f"{name.replace('-', '_')}_requests_per_s"] = _result(rates)
    return results


def _write(path: Path, requests: int, rng: np.random.Generator) -> None:
    files = requests // 10
    records = np.zeros(requests, RECORD)
    records["time"] = np.arange(requests) // 100
    records["file"] = np.minimum(rng.zipf(1.1, requests), files)
    records["size"] = rng.integers(1, 1 << 20, files + 1)[records["file"]]
    records["next"] = np.iinfo(np.int64).max
    path.write_bytes(records.tobytes())


def _compare_speed(trace: Trace, path: Path, name: str, theirs: str, rounds: int) -> Result:
    progress(f"{name} …" if peer.installed() else f"{name}; libcachesim is not installed: no peer …")
    _ours(trace, name)  # compiles
    own_rates: list[float] = []
    peer_rates: list[float] = []
    for _ in range(rounds):
        own_rates += _rates(lambda: _ours(trace, name), len(trace), 1)
        if peer.installed():
            peer_rates.append(len(trace) / peer.replay(path, theirs, trace.footprint_bytes // 10).cpu_s)
    return _result(own_rates, peer_rates)


def _ours(trace: Trace, name: str) -> None:
    simulate(trace, make_policy(name), trace.footprint_bytes // 10)


def _rates(replay: Callable[[], object], requests: int, rounds: int) -> list[float]:
    """Requests per second of CPU time: other processes on the machine do not count."""
    rates = []
    for _ in range(rounds):
        began = time.process_time()
        replay()
        rates.append(requests / (time.process_time() - began))
    return rates


def _result(rates: list[float], peer_rates: list[float] | None = None) -> Result:
    value = float(np.median(rates))
    low, high = np.percentile(rates, (2.5, 97.5))
    note = "median and range of rounds, per second of CPU time of one core, state made anew"
    if not peer_rates:
        return Result(value, "requests/s", float(low), float(high), len(rates), note=note)
    theirs = float(np.median(peer_rates))
    return Result(value, "requests/s", float(low), float(high), len(rates), "libcachesim", theirs, value / theirs, note)
