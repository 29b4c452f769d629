"""Look at what a scored cache holds while it runs: features of cached files, and later how soon they were wanted."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from rl_cache.kernels.history import FEATURES, TURNOVER_S, features
from rl_cache.kernels.jit import entry
from rl_cache.policies.scored import Scored, State
from rl_cache.simulator import Simulation
from rl_cache.traces.trace import Trace

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_NEWCOMERS = 3 * np.arange(4)
"""How many requests ago the newcomers were requested that are looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Moments of cached files.

    Attributes:
        features: float64[n, len(FEATURES)].
        wait: turnovers until the file's next request, infinite if there is none.
        left: turnovers until the trace ends.
    """

    features: Floats
    wait: Floats
    left: Floats

    @classmethod
    def joined(cls, parts: "list[Samples]") -> "Samples":
        """All of them."""
        columns = ("features", "wait", "left")
        return cls(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))


@entry
def _write(state: State, files: Integers, row: int, into: Floats) -> None:
    for k in range(len(files)):
        features(state.seen, files[k], row, into[k])


def observe(trace: Trace, policy: Scored, capacity_bytes: int, wanted: int, rng: Generator, each: int = 20) -> Samples:
    """Run the cache over the trace and look at ``each`` files at about ``wanted / each`` moments.

    Most are cached files drawn at random. A few are those requested just now, cached or not, since the score decides
    on newcomers, too, and among cached files they are rare. The first tenth of the trace is left out, while the cache
    is young. The times until the next request come from the future of the trace: for training on traces that are over,
    never for decisions.
    """
    cache = Simulation(trace, policy, capacity_bytes)
    moments = np.unique(np.linspace(len(trace) // 10, len(trace) - 1, max(1, wanted // each)).astype(np.int64))
    files = np.zeros((len(moments), each), np.int64)
    seen = np.zeros((len(moments), each, len(FEATURES)))
    turnover_s = np.zeros(len(moments))
    for k, row in enumerate(moments):
        cache.advance(int(row) + 1)
        pool = cache.state.pool
        files[k] = pool.file[rng.integers(0, max(1, int(pool.length[0])), each)]
        files[k, : len(_NEWCOMERS)] = trace.file[np.maximum(row - _NEWCOMERS, 0)]
        _write(cache.state, files[k], int(row), seen[k])
        turnover_s[k] = cache.state.seen.total[TURNOVER_S]
    wait_s = _wait_s(trace, files.ravel(), np.repeat(moments, each))
    turnover_s = np.repeat(turnover_s, each)
    left = (trace.time_s[-1] - trace.time_s[np.repeat(moments, each)]) / turnover_s
    return Samples(seen.reshape(-1, len(FEATURES)), wait_s / turnover_s, left)


def _wait_s(trace: Trace, files: Integers, rows: Integers) -> Floats:
    """Seconds from these rows to the next request for these files, infinite where there is none."""
    stride = len(trace) + 1
    order = np.argsort(trace.file, kind="stable")
    key = trace.file[order] * stride + order
    place = np.searchsorted(key, files * stride + rows, side="right")
    found = np.minimum(place, len(order) - 1)
    again = (place < len(order)) & (trace.file[order[found]] == files)
    return np.where(again, trace.time_s[order[found]] - trace.time_s[rows], np.inf)
