"""Small traces of file accesses."""

import numpy as np

from rl_cache.traces.read import RECORD
from rl_cache.traces.trace import LabelColumn, Trace


def trace_of(files, sizes=None, times=None):
    """A trace of these file numbers, a second apart, of one byte each unless ``sizes`` says otherwise."""
    file = np.asarray(files, np.int64)
    size = np.ones(int(file.max()) + 1, np.int64) if sizes is None else np.asarray(sizes, np.int64)
    time = np.arange(len(file)) if times is None else np.asarray(times)
    return Trace(time.astype(np.int64), file, size)


def popular(rng, requests=3000, files=400, largest=1000):
    """Few files requested often, many rarely, of sizes up to ``largest`` bytes; two days and a half."""
    file = np.minimum(rng.zipf(1.3, requests) - 1, files - 1).astype(np.int64)
    times = np.sort(rng.integers(0, 216_000, requests))
    return Trace(times, rng.permutation(files)[file], rng.integers(1, largest + 1, files))


def write_oracle_general(trace, path):
    """The trace as libCacheSim reads it; returns the path."""
    never = trace.next_access == len(trace)
    records = np.empty(len(trace), RECORD)
    records["time"], records["file"], records["size"] = trace.time_s, trace.file + 1, trace.size
    records["next"] = np.where(never, np.iinfo(np.int64).max, trace.next_access + 1)
    path.write_bytes(records.tobytes())
    return path


def whole_datasets(datasets, runs, files, size, tier="T"):
    """Each run reads one dataset as a whole within an hour, in shuffled order; a run begins each hour."""
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, datasets, runs)
    file = np.concatenate([dataset * files + rng.permutation(files) for dataset in chosen])
    time_s = np.concatenate([run * 3600 + np.arange(files) * (3000 // files) for run in range(runs)])
    names = LabelColumn(np.repeat(np.arange(datasets), files).astype(np.int32), tuple(f"/{n}" for n in range(datasets)))
    tiers = LabelColumn(np.zeros(datasets * files, np.int32), (tier,))
    return Trace(time_s, file, np.full(datasets * files, size), dataset=names, tier=tiers)
