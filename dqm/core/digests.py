"""Content digests: 64 bits that tell one histogram's content from another's.

Multilinear hashing (M. Dietzfelbinger 1996): the sum of the content's words times fixed odd constants, modulo
2**64, followed by the finishing mix of MurmurHash3. Not made to withstand an attacker. Digests are stored, so the
constants never change: they are the first values of SplitMix64 (G. Steele et al., OOPSLA 2014).
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from streams.arrays import Float32, Float64
from streams.records import Counts

UInt64 = npt.NDArray[np.uint64]

_CHUNK = 16_384
"""Words hashed at a time: they stay in a core's cache."""

_EXACT = 2**24
"""Whole numbers up to here are the same in float32."""


def digests(counts: Counts, flow: Float64, entries: Float64) -> UInt64:
    """Digest (n,) of the rows of ``counts`` (n, bins), ``flow`` (n, 2) and ``entries`` (n,).

    Equal contents have equal digests, whether float32 or int64. Content, flow and entries of zeros only give
    :data:`EMPTY` for any number of bins. A digest is never 0, which stands for "did not come".
    """
    words = _float_words(_as_float(counts)) + _remainders(counts)
    extras = np.empty((len(entries), 3), dtype=np.float64)
    np.add(flow, 0.0, out=extras[:, :2])
    np.add(entries, 0.0, out=extras[:, 2])
    words += _weighted(extras.view(np.uint64), 1)
    return _finish(words)


def _as_float(counts: Counts) -> Float32:
    """Float32 with an even number of columns and without negative zeros."""
    n, bins = counts.shape
    padded = np.empty((n, bins + bins % 2), dtype=np.float32)
    padded[:, :bins] = counts
    padded[:, bins:] = 0.0
    padded += np.float32(0.0)
    return padded


def _float_words(values: Float32) -> UInt64:
    return _weighted(values.view(np.uint64), 0)


def _remainders(counts: Counts) -> UInt64:
    """What float32 cannot hold of large int64 counts; zero for all others."""
    if counts.dtype == np.float32 or not counts.size or int(counts.max()) <= _EXACT:
        return np.zeros(len(counts), dtype=np.uint64)
    near = np.minimum(counts.astype(np.float32).astype(np.float64), 2.0**63 - 1024).astype(np.int64)
    return _weighted((counts - near).astype(np.int64).view(np.uint64), 2)


def _weighted(words: UInt64, stream: int) -> UInt64:
    constants = _constants(words.shape[1], stream)
    step = max(1, _CHUNK // words.shape[1])
    parts = [_fold(words[start : start + step]) @ constants for start in range(0, len(words), step)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)


def _fold(words: UInt64) -> UInt64:
    # A word holds two counts. Small whole numbers have only zeros in their lower bits: the upper ones are folded
    # down, or the product would have few bits; not by 32, which would cancel equal neighbours.
    folded = words >> np.uint64(29)
    folded ^= words
    folded ^= folded >> np.uint64(20)
    return folded


@lru_cache(maxsize=256)
def _constants(count: int, stream: int) -> UInt64:
    with np.errstate(over="ignore"):
        state = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(stream << 40)) * np.uint64(0x9E3779B97F4A7C15)
    constants = _finish(state) | np.uint64(1)
    constants.setflags(write=False)
    return constants


def _finish(words: UInt64) -> UInt64:
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    words = words ^ (words >> np.uint64(31))
    words[words == 0] = 1
    return words


EMPTY = int(_finish(np.zeros(1, dtype=np.uint64))[0])
"""Digest of content, flow and entries of zeros only."""
