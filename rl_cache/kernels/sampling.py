"""Random draws in compiled code: numbers by position, and members of a set of files.

The n-th draw of a seed needs no state and no earlier draw: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) advances its
state by a constant, so the n-th value is known at once.
"""

from typing import NamedTuple

import numpy as np

from rl_cache.arrays import Int32, Int64
from rl_cache.kernels.jit import kernel

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@kernel
def draw(seed: int, count: int) -> float:
    """Uniform in [0, 1), of 53 bits."""
    value = _mix(np.uint64(seed)) + np.uint64(count + 1) * _STEP
    return float((_mix(value) >> np.uint64(11)) * 2.0**-53)


@kernel
def _mix(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    return value ^ (value >> np.uint64(31))


class Pool(NamedTuple):
    """``file[:length[0]]`` are the members in no order; ``place`` is the position of a file, -1 for others."""

    file: Int32
    place: Int32
    length: Int64


def empty_pool(n_files: int) -> Pool:
    """An empty set for these files."""
    return Pool(np.zeros(n_files, np.int32), np.full(n_files, -1, np.int32), np.zeros(1, np.int64))


@kernel
def contains(pool: Pool, file: int) -> bool:
    """Whether the file is a member."""
    return bool(pool.place[file] >= 0)


@kernel
def add(pool: Pool, file: int) -> None:
    """Add a file that is no member."""
    pool.place[file] = pool.length[0]
    pool.file[pool.length[0]] = file
    pool.length[0] += 1


@kernel
def remove(pool: Pool, file: int) -> None:
    """Take a member out; the last one takes its place."""
    pool.length[0] -= 1
    last = pool.file[pool.length[0]]
    pool.file[pool.place[file]] = last
    pool.place[last] = pool.place[file]
    pool.place[file] = -1


@kernel
def draw_member(pool: Pool, seed: int, count: int) -> int:
    """Any member of a set that is not empty: the ``count``-th draw of this seed."""
    return int(pool.file[int(draw(seed, count) * pool.length[0])])
