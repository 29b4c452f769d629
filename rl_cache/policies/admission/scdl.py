"""SCDL: Q-learning that admits files to an LRU cache, as Tracolli et al. (LOD 2020) describe it.

Actions are Store and NotStore. A state is made of buckets of the file's size, its number of requests and the time
since the last one, and of the cache's occupancy and hit rate. Q <- Q + 0.9 (r + 0.5 max Q - Q) with the next state
taken to be the same one; exploration falls as 0.1 + 0.9 exp(-decay n).

The publication gives the reward as plus or minus the file's size "from rules on the day's aggregates" and not the
rules. Ours: storing is right (+) on a day on which more was read on hits than was written, or while the cache is not
full; passing by is right on the other days. A hit rewards the state in which the file was stored. Sizes are in GB.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Float64, Int64
from rl_cache.errors import SimulationError
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, serve_with
from rl_cache.kernels.sampling import draw
from rl_cache.policies.eviction import lru
from rl_cache.traces.trace import DAY_S, Trace

NOT_STORE, STORE = range(2)
BUCKETS = (5, 5, 5, 4, 4)
"""Of size, requests, time since the last request, occupancy, hit rate."""
STATES = int(np.prod(BUCKETS))
_RATE, _DISCOUNT = 0.9, 0.5
_LAST_S, _REQUESTS, _STATE = range(3)
_DAY, _HIT_BYTES, _WRITTEN_BYTES, _HELD_BYTES, _HIT_RATE, _DECISIONS = range(6)


class State(NamedTuple):
    """LRU's list, what was seen, what was learned.

    Attributes:
        recent: LRU's state.
        size: bytes of each file.
        time_s: of each request; only rows up to the present one are read.
        files: float64[n_files, 3]: last request, requests, the state in which it was stored (-1: none).
        sums: float64[6]: the day, its bytes read on hits and written, bytes held, smoothed hit rate, decisions made.
        values: float64[STATES, 2], Q.
        capacity: bytes of the cache.
        decay: of the exploration, per decision.
        seed: of the exploration.
    """

    recent: lru.State
    size: Int64
    time_s: Int64
    files: Float64
    sums: Float64
    values: Float64
    capacity: int
    decay: float
    seed: int


@kernel
def state_index(state: State, file: int, row: int) -> int:
    """Number of the present state."""
    file_row, sums = state.files[file], state.sums
    size = min(BUCKETS[0] - 1, max(0, int(np.log2(state.size[file] / 2.5e8))))
    requests = min(BUCKETS[1] - 1, int(file_row[_REQUESTS]))
    days = (state.time_s[row] - file_row[_LAST_S]) / DAY_S if file_row[_REQUESTS] > 0 else 1e9
    recency = min(BUCKETS[2] - 1, int(np.log2(1.0 + days)))
    occupancy = min(BUCKETS[3] - 1, int(BUCKETS[3] * sums[_HELD_BYTES] / state.capacity))
    hit_rate = min(BUCKETS[4] - 1, int(BUCKETS[4] * sums[_HIT_RATE]))
    number = (size * BUCKETS[1] + requests) * BUCKETS[2] + recency
    return int((number * BUCKETS[3] + occupancy) * BUCKETS[4] + hit_rate)


@kernel
def learn(state: State, number: int, action: int, reward: float) -> None:
    """One step of Q-learning whose next state is the same."""
    best = max(state.values[number, 0], state.values[number, 1])
    state.values[number, action] += _RATE * (reward + _DISCOUNT * best - state.values[number, action])


@kernel
def find(state: State, file: int, row: int) -> bool:
    """LRU's hit, which rewards the state in which the file was stored."""
    sums, day = state.sums, float(state.time_s[row] // DAY_S)
    if sums[_DAY] != day:
        sums[_DAY], sums[_HIT_BYTES], sums[_WRITTEN_BYTES] = day, 0.0, 0.0
    hit = lru.find(state.recent, file, row)
    sums[_HIT_RATE] += 0.001 * ((1.0 if hit else 0.0) - sums[_HIT_RATE])
    if hit:
        sums[_HIT_BYTES] += state.size[file]
        learn(state, int(state.files[file, _STATE]), STORE, state.size[file] / 1e9)
        record_request(state, file, row)
    return hit


@kernel
def record_request(state: State, file: int, row: int) -> None:
    """Count the request."""
    state.files[file, _LAST_S] = state.time_s[row]
    state.files[file, _REQUESTS] += 1.0


@kernel
def admit(state: State, file: int, row: int) -> bool:
    """Choose an action, reward it by the day so far, and learn."""
    number, sums = state_index(state, file, row), state.sums
    sums[_DECISIONS] += 1.0
    explore = 0.1 + 0.9 * np.exp(-state.decay * sums[_DECISIONS])
    if draw(state.seed, 2 * row) < explore:
        action = STORE if draw(state.seed, 2 * row + 1) < 0.5 else NOT_STORE
    else:
        action = STORE if state.values[number, STORE] >= state.values[number, NOT_STORE] else NOT_STORE
    pays = sums[_HIT_BYTES] > sums[_WRITTEN_BYTES] or sums[_HELD_BYTES] + state.size[file] <= state.capacity
    reward = state.size[file] / 1e9 * (1.0 if pays == (action == STORE) else -1.0)
    learn(state, number, action, reward)
    record_request(state, file, row)
    state.files[file, _STATE] = number
    return bool(action == STORE)


@kernel
def insert(state: State, file: int, row: int) -> None:
    """To the front, as LRU."""
    lru.insert(state.recent, file, row)
    state.sums[_WRITTEN_BYTES] += state.size[file]
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
class Scdl:
    """The published admission agent; it learns while it serves."""

    decay: float = 1e-4
    seed: int = 0

    name: ClassVar[str] = "scdl"
    replay = staticmethod(replay)

    def __post_init__(self) -> None:
        if not self.decay > 0:
            raise SimulationError(f"decay of scdl is {self.decay}; need over 0")

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """An empty cache, nothing learned."""
        files = np.zeros((trace.n_files, 3))
        files[:, _STATE] = -1.0
        return State(
            lru.Lru().state(trace, capacity_bytes),
            trace.file_size,
            trace.time_s,
            files,
            np.zeros(6),
            np.zeros((STATES, 2)),
            capacity_bytes,
            float(self.decay),
            self.seed,
        )
