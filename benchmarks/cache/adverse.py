"""Generators of traces on which clever policies are known to lose. An agent has to survive them, not to shine.

Sizes are lognormal around 2 GB; requests come evenly, ``per_day`` of them a day.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from rl_cache.arrays import Int64
from rl_cache.traces.trace import Trace

_DAY_S = 86_400
_SIZE_B = 2e9


def recency(requests: int, files: int, rng: Generator) -> Trace:
    """Pure recency: the reuse distance is drawn anew each time, so that only the last access is informative."""
    depth = np.minimum(rng.geometric(min(1.0, 8.0 / files), requests), files) - 1
    stack = list(range(files))
    file = np.empty(requests, np.int64)
    for row, place in enumerate(depth):
        file[row] = stack.pop(place)
        stack.insert(0, int(file[row]))
    return _trace(file, rng, "pure recency")


def scans(requests: int, files: int, rng: Generator) -> Trace:
    """A small popular set (a tenth of the files), interrupted by long scans of files that are read once a scan."""
    popular = max(1, files // 10)
    file = rng.integers(0, popular, requests)
    cold = np.arange(popular, files)
    at = 0
    while cold.size and at < requests:
        at += int(rng.integers(cold.size // 2 + 1, 2 * cold.size + 1))
        scan = np.roll(cold, -int(rng.integers(cold.size)))[: max(0, requests - at)]
        file[at : at + scan.size] = scan
        at += scan.size
    return _trace(file, rng, "scans")


def shuffles(requests: int, files: int, rng: Generator) -> Trace:
    """Independent draws of a fixed Zipf popularity, in random order: time tells nothing."""
    weight = (rng.permutation(files) + 1.0) ** -0.9
    return _trace(rng.choice(files, requests, p=weight / weight.sum()), rng, "shuffles")


ADVERSE: dict[str, Callable[[int, int, Generator], Trace]] = {"recency": recency, "scans": scans, "shuffles": shuffles}
"""By name; each takes the number of requests, the number of files and a generator."""


def _trace(file: Int64, rng: Generator, origin: str, per_day: int = 5000) -> Trace:
    names, dense = np.unique(file, return_inverse=True)
    size = np.maximum(1, _SIZE_B * rng.lognormal(0.0, 0.8, names.size)).astype(np.int64)
    time = np.arange(file.size, dtype=np.int64) * _DAY_S // per_day
    return Trace(time_s=time, file=dense.astype(np.int64), file_size=size, origin=f"generated {origin}")
