"""Learned admission: LRU that stores a missing file if a network says so; what DQN leaves (rl_cache/agents/dqn.py).

The features are those that ``nightshift/FileAdmission-v0`` shows, so a replay here decides as the agent does there.
"""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Float64, Int64
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.network import Evaluator, Network, evaluator, predict, zero_network
from rl_cache.kernels.request import Frame, serve_with
from rl_cache.policies.eviction import lru
from rl_cache.traces.trace import DAY_S, Trace

FEATURES = (
    "size, logarithm to base 2 of GB",
    "requests for the file before, logarithm",
    "days since its last request, logarithm; -1 if there was none",
    "occupancy",
    "hit share of the last thousand requests or so",
)
FEATURE_LIMIT = 20.0
"""Features are cut to -FEATURE_LIMIT .. FEATURE_LIMIT."""
HIT_RATE = 0.001
"""Weight of one request in the hit share."""
_HELD_BYTES, _HIT_SHARE = range(2)
_LAST_S, _REQUESTS = range(2)


class State(NamedTuple):
    """LRU's list, what was seen, and who decides.

    Attributes:
        recent: LRU's state.
        network: above 0 means store.
        values: scratch for features.
        size: bytes of each file.
        time_s: of each request; only rows up to the present one are read.
        files: int64[n_files, 2]: last request, requests.
        sums: float64[2]: bytes held, hit share.
        capacity: bytes of the cache.
    """

    recent: lru.State
    network: Evaluator
    values: Float64
    size: Int64
    time_s: Int64
    files: Int64
    sums: Float64
    capacity: int


@kernel
def record_request(state: State, file: int, row: int, hit: float) -> None:
    """Count the request."""
    state.files[file, _LAST_S] = state.time_s[row]
    state.files[file, _REQUESTS] += 1
    state.sums[_HIT_SHARE] += HIT_RATE * (hit - state.sums[_HIT_SHARE])


@kernel
def find(state: State, file: int, row: int) -> bool:
    """LRU's hit."""
    if not lru.find(state.recent, file, row):
        return False
    record_request(state, file, row, 1.0)
    return True


@kernel
def admit(state: State, file: int, row: int) -> bool:
    """Ask the network; the request counts afterwards."""
    values, file_row = state.values, state.files[file]
    values[0] = np.log2(state.size[file] / 1e9)
    values[1] = np.log1p(file_row[_REQUESTS])
    values[2] = np.log1p((state.time_s[row] - file_row[_LAST_S]) / DAY_S) if file_row[_REQUESTS] > 0 else -1.0
    values[3] = state.sums[_HELD_BYTES] / state.capacity
    values[4] = state.sums[_HIT_SHARE]
    for k in range(len(values)):
        values[k] = min(max(values[k], -FEATURE_LIMIT), FEATURE_LIMIT)
    record_request(state, file, row, 0.0)
    return bool(predict(state.network, values) > 0.0)


@kernel
def insert(state: State, file: int, row: int) -> None:
    """To the front, as LRU."""
    lru.insert(state.recent, file, row)
    state.sums[_HELD_BYTES] += state.size[file]


@kernel
def evict(state: State, file: int, row: int) -> int:
    """The file at the back, as LRU."""
    evicted = lru.evict(state.recent, file, row)
    state.sums[_HELD_BYTES] -= state.size[evicted]
    return evicted


serve = serve_with(find, admit, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class LearnedAdmission:
    """LRU whose admission a network decides on; without one nothing is stored."""

    network: Network = field(default_factory=lambda: zero_network(len(FEATURES)))

    name: ClassVar[str] = "learned-admission"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """An empty cache that has seen nothing."""
        return State(
            lru.Lru().state(trace, capacity_bytes),
            evaluator(self.network),
            np.zeros(len(FEATURES)),
            trace.file_size,
            trace.time_s,
            np.zeros((trace.n_files, 2), np.int64),
            np.zeros(2),
            capacity_bytes,
        )
