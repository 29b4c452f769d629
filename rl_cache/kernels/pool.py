"""A set of files from which one can be drawn at random."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels.jit import kernel
from rl_cache.kernels.random import draw


class Pool(NamedTuple):
    """``file[:length[0]]`` are the members in no order; ``place`` says where a file stands, -1 for others."""

    file: NDArray[np.int32]
    place: NDArray[np.int32]
    length: NDArray[np.int64]


def pool(n_files: int) -> Pool:
    """An empty set for these files."""
    return Pool(np.zeros(n_files, np.int32), np.full(n_files, -1, np.int32), np.zeros(1, np.int64))


@kernel
def within(pool: Pool, file: int) -> bool:
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
def some(pool: Pool, seed: int, count: int) -> int:
    """Any member of a set that is not empty: the ``count``-th draw of this seed."""
    return int(pool.file[int(draw(seed, count) * pool.length[0])])
