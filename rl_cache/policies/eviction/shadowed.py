"""A cache with S3-FIFO in its shadow, and to the byte what it may still lose to it.

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


class Shadowed(NamedTuple):
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


def empty_shadowed(trace: Trace, capacity_bytes: int) -> Shadowed:
    """Both caches empty."""
    plain = s3fifo.S3Fifo().state(trace, capacity_bytes)
    pools = empty_pool(trace.n_files), empty_pool(trace.n_files)
    return Shadowed(plain, *pools, np.zeros(6, np.int64), capacity_bytes)


@kernel
def in_plain(cache: Shadowed, file: int) -> bool:
    """Whether S3-FIFO holds the file."""
    return bool(cache.plain.where[file] <= s3fifo.MAIN)


@kernel
def excess(cache: Shadowed, file: int) -> int:
    """Bytes that have to leave before the file fits; none if not positive."""
    return int(cache.bytes[COMMON] + cache.bytes[ANNEX] + cache.plain.size[file] - cache.capacity)


@kernel
def request(cache: Shadowed, file: int, row: int) -> bool:
    """S3-FIFO serves the request; whether the cache holds the file."""
    size = cache.plain.size[file]
    hit = contains(cache.common, file) or contains(cache.annex, file)
    plain_hit = s3fifo.find(cache.plain, file, row)
    cache.bytes[MORE_MISSED] += size * (int(plain_hit) - int(hit))
    cache.bytes[LARGEST] = max(cache.bytes[LARGEST], size)
    if not plain_hit:
        cache.bytes[PLAIN_MISSED] += size
        if s3fifo.admit(cache.plain, file, row):
            _plain_stores(cache, file, row)
    return hit


@kernel
def _plain_stores(cache: Shadowed, file: int, row: int) -> None:
    plain, size = cache.plain, cache.plain.size[file]
    while plain.occupied[s3fifo.SMALL] + plain.occupied[s3fifo.MAIN] + size > cache.capacity:
        evicted = s3fifo.evict(plain, file, row)
        if evicted != NOTHING:
            _plain_evicted(cache, evicted)
    s3fifo.insert(plain, file, row)
    if contains(cache.annex, file):
        remove(cache.annex, file)
        add(cache.common, file)
        cache.bytes[ANNEX] -= size
        cache.bytes[COMMON] += size
    else:
        cache.bytes[OWED] += size


@kernel
def _plain_evicted(cache: Shadowed, file: int) -> None:
    size = cache.plain.size[file]
    if contains(cache.common, file):
        remove(cache.common, file)
        add(cache.annex, file)
        cache.bytes[COMMON] -= size
        cache.bytes[ANNEX] += size
    else:
        cache.bytes[OWED] -= size


@kernel
def settle(cache: Shadowed, file: int) -> None:
    """The missing file is going to be stored: it is no longer owed."""
    if in_plain(cache, file):
        cache.bytes[OWED] -= cache.plain.size[file]


@kernel
def store(cache: Shadowed, file: int) -> None:
    """The file, which has been settled, is in the cache."""
    if in_plain(cache, file):
        add(cache.common, file)
        cache.bytes[COMMON] += cache.plain.size[file]
    else:
        add(cache.annex, file)
        cache.bytes[ANNEX] += cache.plain.size[file]


@kernel
def drop(cache: Shadowed, file: int) -> None:
    """The file leaves the cache."""
    if contains(cache.common, file):
        remove(cache.common, file)
        cache.bytes[COMMON] -= cache.plain.size[file]
        cache.bytes[OWED] += cache.plain.size[file]
    else:
        remove(cache.annex, file)
        cache.bytes[ANNEX] -= cache.plain.size[file]


def cached_files(cache: Shadowed) -> Int64:
    """The files in the cache."""
    pools = (cache.common, cache.annex)
    return np.concatenate([pool.file[: pool.length[0]] for pool in pools]).astype(np.int64)
