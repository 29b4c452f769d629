"""A cache beside S3-FIFO, and to the byte what it may still lose to it.

S3-FIFO runs beside the cache on the same requests, of which names and sizes are kept. A file in the cache is *common*
if S3-FIFO holds it as well, else it is in the *annex*. What S3-FIFO holds and the cache does not is *owed*: at worst
all of it is requested next. So no future can cost more than the potential loss,

    missed bytes - S3-FIFO's missed bytes + owed bytes

When an owed file is requested, it is missed and may be stored: the first term grows as the last one shrinks. When a
file of the annex is requested that S3-FIFO misses, the first term shrinks. So the potential loss grows only where the
cache evicts or refuses a file that S3-FIFO holds, and it never has to: all that S3-FIFO holds fits into the same
capacity, so the annex always has room enough. Competitive algorithms follow the better of several others in this way
(Fiat, Foster, Karloff, Rabani, Ravid and Vishwanathan, FOCS 1991).
"""

from typing import NamedTuple

import numpy as np

from rl_cache.arrays import Int64
from rl_cache.kernels.jit import kernel
from rl_cache.kernels.request import NOTHING
from rl_cache.kernels.sampling import Pool, add, contains, empty_pool, remove
from rl_cache.policies.eviction import s3fifo
from rl_cache.traces.trace import Trace

COMMON, ANNEX, OWED, PLAIN_MISSED, MORE_MISSED, LARGEST = range(6)


class BesideS3Fifo(NamedTuple):
    """Both caches, and the account.

    Attributes:
        plain: S3-FIFO.
        common, annex: the files of the cache.
        bytes: int64[6]: common, in the annex, owed, missed by S3-FIFO, missed more than by S3-FIFO, of the largest
            file that was requested.
        capacity: bytes of either cache.
    """

    plain: s3fifo.State
    common: Pool
    annex: Pool
    bytes: Int64
    capacity: int


def empty_beside(trace: Trace, capacity_bytes: int) -> BesideS3Fifo:
    """Both caches empty."""
    plain = s3fifo.S3Fifo().state(trace, capacity_bytes)
    pools = empty_pool(trace.n_files), empty_pool(trace.n_files)
    return BesideS3Fifo(plain, *pools, np.zeros(6, np.int64), capacity_bytes)


@kernel
def in_plain(beside: BesideS3Fifo, file: int) -> bool:
    """Whether S3-FIFO holds the file."""
    return bool(beside.plain.where[file] <= s3fifo.MAIN)


@kernel
def excess(beside: BesideS3Fifo, file: int) -> int:
    """Bytes that have to leave before the file fits; none if not positive."""
    return int(beside.bytes[COMMON] + beside.bytes[ANNEX] + beside.plain.size[file] - beside.capacity)


@kernel
def request(beside: BesideS3Fifo, file: int, row: int) -> bool:
    """S3-FIFO serves the request; whether the cache holds the file."""
    size = beside.plain.size[file]
    hit = contains(beside.common, file) or contains(beside.annex, file)
    plain_hit = s3fifo.find(beside.plain, file, row)
    beside.bytes[MORE_MISSED] += size * (int(plain_hit) - int(hit))
    beside.bytes[LARGEST] = max(beside.bytes[LARGEST], size)
    if not plain_hit:
        beside.bytes[PLAIN_MISSED] += size
        if s3fifo.admit(beside.plain, file, row):
            _plain_stores(beside, file, row)
    return hit


@kernel
def _plain_stores(beside: BesideS3Fifo, file: int, row: int) -> None:
    plain, size = beside.plain, beside.plain.size[file]
    while plain.occupied[s3fifo.SMALL] + plain.occupied[s3fifo.MAIN] + size > beside.capacity:
        evicted = s3fifo.evict(plain, file, row)
        if evicted != NOTHING:
            _plain_evicted(beside, evicted)
    s3fifo.insert(plain, file, row)
    if contains(beside.annex, file):
        remove(beside.annex, file)
        add(beside.common, file)
        beside.bytes[ANNEX] -= size
        beside.bytes[COMMON] += size
    else:
        beside.bytes[OWED] += size


@kernel
def _plain_evicted(beside: BesideS3Fifo, file: int) -> None:
    size = beside.plain.size[file]
    if contains(beside.common, file):
        remove(beside.common, file)
        add(beside.annex, file)
        beside.bytes[COMMON] -= size
        beside.bytes[ANNEX] += size
    else:
        beside.bytes[OWED] -= size


@kernel
def settle(beside: BesideS3Fifo, file: int) -> None:
    """The missing file is going to be stored: it is no longer owed."""
    if in_plain(beside, file):
        beside.bytes[OWED] -= beside.plain.size[file]


@kernel
def store(beside: BesideS3Fifo, file: int) -> None:
    """The file, which has been settled, is in the cache."""
    if in_plain(beside, file):
        add(beside.common, file)
        beside.bytes[COMMON] += beside.plain.size[file]
    else:
        add(beside.annex, file)
        beside.bytes[ANNEX] += beside.plain.size[file]


@kernel
def drop(beside: BesideS3Fifo, file: int) -> None:
    """The file leaves the cache."""
    if contains(beside.common, file):
        remove(beside.common, file)
        beside.bytes[COMMON] -= beside.plain.size[file]
        beside.bytes[OWED] += beside.plain.size[file]
    else:
        remove(beside.annex, file)
        beside.bytes[ANNEX] -= beside.plain.size[file]


def held(beside: BesideS3Fifo) -> Int64:
    """The files in the cache."""
    pools = (beside.common, beside.annex)
    return np.concatenate([pool.file[: pool.length[0]] for pool in pools]).astype(np.int64)
