"""Sample what a scored cache holds while it runs: features of cached files, and how soon they are requested again."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from rl_cache.arrays import Float64, Int64
from rl_cache.kernels.history import FEATURES, TURNOVER_S, write_features
from rl_cache.kernels.jit import entry
from rl_cache.laboratory.simulator import Simulation
from rl_cache.policies.eviction.scored import ScoredS3Fifo, State
from rl_cache.policies.eviction.shadowed import cached_files
from rl_cache.traces.trace import Trace

_NEWCOMERS = 3 * np.arange(4)
"""How many requests before a moment its newcomers were requested."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Moments of cached files.

    Attributes:
        features: float64[n, len(FEATURES)].
        wait: turnovers until the file's next request, infinite if there is none.
        remaining: turnovers until the trace ends.
    """

    features: Float64
    wait: Float64
    remaining: Float64

    @classmethod
    def concatenate(cls, parts: "list[Samples]") -> "Samples":
        """The samples of all parts, in their order."""
        columns = ("features", "wait", "remaining")
        return cls(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))


@entry
def _write_samples(state: State, files: Int64, row: int, into: Float64) -> None:
    for k in range(len(files)):
        write_features(state.history, files[k], row, into[k])


def sample_cache(
    trace: Trace, policy: ScoredS3Fifo, capacity_bytes: int, samples: int, rng: Generator, per_moment: int = 20
) -> Samples:
    """Run the cache over the trace and sample ``per_moment`` files at about ``samples / per_moment`` moments.

    Most are cached files drawn at random. A few are those requested just now, cached or not, since the score decides
    on newcomers, too, and among cached files they are rare. The first tenth of the trace is left out, while the cache
    is young. The times until the next request come from the future of the trace: for training on traces that are over,
    never for decisions.
    """
    cache = Simulation(trace, policy, capacity_bytes)
    n_moments = max(1, samples // per_moment)
    moments = np.unique(np.linspace(len(trace) // 10, len(trace) - 1, n_moments).astype(np.int64))
    files = np.zeros((len(moments), per_moment), np.int64)
    features = np.zeros((len(moments), per_moment, len(FEATURES)))
    turnover_s = np.zeros(len(moments))
    for k, row in enumerate(moments):
        cache.advance(int(row) + 1)
        cached = cached_files(cache.state.cache)
        files[k] = cached[rng.integers(0, len(cached), per_moment)] if len(cached) else trace.file[row]
        files[k, : len(_NEWCOMERS)] = trace.file[np.maximum(row - _NEWCOMERS, 0)]
        _write_samples(cache.state, files[k], int(row), features[k])
        turnover_s[k] = cache.state.history.total[TURNOVER_S]
    wait_s = _wait_s(trace, files.ravel(), np.repeat(moments, per_moment))
    turnover_s = np.repeat(turnover_s, per_moment)
    remaining = (trace.time_s[-1] - trace.time_s[np.repeat(moments, per_moment)]) / turnover_s
    return Samples(features.reshape(-1, len(FEATURES)), wait_s / turnover_s, remaining)


def _wait_s(trace: Trace, files: Int64, rows: Int64) -> Float64:
    """Seconds from these rows to the next request for these files, infinite where there is none."""
    stride = len(trace) + 1
    order = np.argsort(trace.file, kind="stable")
    key = trace.file[order] * stride + order
    place = np.searchsorted(key, files * stride + rows, side="right")
    candidate = np.minimum(place, len(order) - 1)
    again = (place < len(order)) & (trace.file[order[candidate]] == files)
    return np.where(again, trace.time_s[order[candidate]] - trace.time_s[rows], np.inf)
