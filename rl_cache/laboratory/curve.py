"""LRU's miss ratios at all sizes in one pass: Mattson's stack distances in bytes, on a spatial sample of the files.

A request hits where the bytes requested since the file's last request, each file once, and the file itself fit into the
cache. With files of one size this is LRU to the last request; where sizes differ, LRU leaves room that a large file
could not use, and what is larger than the cache is read past it, so small caches differ a little.

Mattson et al., IBM Systems Journal 9 (1970); distances of a sample, over its share: SHARDS (FAST 2015).
"""

from dataclasses import dataclass

import numpy as np

from rl_cache.arrays import AnyArray, Float64, Int64, Mask
from rl_cache.errors import SimulationError
from rl_cache.kernels.jit import entry, kernel
from rl_cache.traces.trace import Trace

_FIRST = np.iinfo(np.int64).max
"""Distance of a file's first request."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, eq=False)
class LruCurve:
    """Miss ratios by size; all three of one length, sizes in bytes of the whole cache."""

    capacity_bytes: Int64
    byte_miss_ratio: Float64
    request_miss_ratio: Float64


@kernel
def _add(tree: Int64, place: int, amount: int) -> None:
    while place < len(tree):
        tree[place] += amount
        place += place & -place


@kernel
def _sum_through(tree: Int64, place: int) -> int:
    total = 0
    while place > 0:
        total += tree[place]
        place -= place & -place
    return total


@entry
def _write_distances(file: Int64, size: Int64, last: Int64, tree: Int64, distance: Int64) -> None:
    """``last`` is 0 for files not requested yet; ``tree`` (rows + 1) sums the bytes last requested at each row."""
    total = 0
    for row in range(len(file)):
        bytes_, before = size[file[row]], last[file[row]]
        if before > 0:
            distance[row] = total - _sum_through(tree, before) + bytes_
            _add(tree, before, -bytes_)
        else:
            total += bytes_
        last[file[row]] = row + 1
        _add(tree, row + 1, bytes_)


def lru_curve(trace: Trace, shares: Float64, sample: float = 1.0) -> LruCurve:
    """Miss ratios of caches of these shares of the trace's files, from an empty cache on.

    Args:
        trace: what is requested.
        shares: of the bytes of all files, each over 0.
        sample: share of the files that are looked at, over 0 and at most 1.

    Raises:
        SimulationError: a share that is out of range, or a sample without any request.
    """
    if not 0 < sample <= 1 or not (shares > 0).all():
        raise SimulationError(f"sample is {sample}, shares {shares}; need 0 < sample <= 1 and shares over 0")
    rows = np.flatnonzero(_in_sample(np.arange(trace.n_files), sample)[trace.file])
    if not len(rows):
        raise SimulationError(f"a sample of {sample:.1%} of {trace.origin} has no request; take a larger one")
    part = trace.select(rows)
    distance = np.full(len(part), _FIRST)
    state = np.zeros(part.n_files, np.int64), np.zeros(len(part) + 1, np.int64)
    _write_distances(part.file, part.file_size, *state, distance)
    order = np.argsort(distance, kind="stable")
    capacity = np.maximum(1, (shares * trace.footprint_bytes).astype(np.int64))
    hits = np.searchsorted(distance[order], capacity * sample, side="right")
    hit_bytes = np.concatenate(([0], np.cumsum(part.size[order])))[hits]
    return LruCurve(capacity, 1 - hit_bytes / part.size.sum(), 1 - hits / len(part))


def _in_sample(key: AnyArray, share: float) -> Mask:
    """Which of these whole numbers are in the sample that holds ``share`` (0 to 1) of all, by a hash."""
    mixed = (key.astype(np.uint64) + np.uint64(1)) * _MULTIPLIER
    mixed = (mixed ^ (mixed >> np.uint64(31))) * _MULTIPLIER
    chosen: Mask = (mixed >> np.uint64(11)) * 2.0**-53 < share
    return chosen
