"""Belady: evict the file whose next request lies furthest ahead (Belady, IBM Systems Journal 5, 1966).

It knows the future, so it is a reference and no policy. With files of one size nothing misses less; with sizes it is
a good reference for bytes and no bound: the optimum is NP-hard.

Belady by size evicts, of a sample of cached files, the one with the largest size × distance to its next request. It
misses fewer requests where sizes differ much, since it gives up one large file for many small ones, and it writes
less: what is never requested again is not stored.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Int64
from rl_cache.errors import SimulationError
from rl_cache.kernels import heap, sampling
from rl_cache.kernels.heap import rank_by
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, serve_with
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """A heap by next request, the latest first."""

    heap: heap.Heap
    next_access: Int64


@kernel
def key(state: State, _file: int, row: int) -> float:
    """The row of the next request, the later the lower; even what is never requested again is stored."""
    return -float(state.next_access[row])


serve = rank_by(key, key)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class Belady:
    """The furthest next request leaves first."""

    name: ClassVar[str] = "belady"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:  # noqa: ARG002 - part of the interface
        """An empty heap, and the future."""
        return State(heap.empty_heap(trace.n_files), trace.next_access)


class SampledState(NamedTuple):
    """The cached files; ``next_row`` is the row of the next request of each, ``draws[0]`` counts drawn files."""

    pool: sampling.Pool
    size: Int64
    next_access: Int64
    next_row: Int64
    draws: Int64
    sample: int
    seed: int


@kernel
def find(state: SampledState, file: int, row: int) -> bool:
    """Look up when the file is next requested."""
    state.next_row[file] = state.next_access[row]
    return sampling.contains(state.pool, file)


@kernel
def admit(state: SampledState, file: int, _row: int) -> bool:
    """Store only what is requested again."""
    return bool(state.next_row[file] < len(state.next_access))


@kernel
def insert(state: SampledState, file: int, _row: int) -> None:
    """Join the cached files."""
    sampling.add(state.pool, file)


@kernel
def evict(state: SampledState, _file: int, row: int) -> int:
    """The largest product of the sample leaves."""
    worst, largest = -1, -1.0
    for _ in range(state.sample):
        file = sampling.draw_member(state.pool, state.seed, state.draws[0])
        state.draws[0] += 1
        never = state.next_row[file] >= len(state.next_access)
        product = np.inf if never else float(state.size[file]) * float(state.next_row[file] - row)
        if product > largest:
            worst, largest = file, product
    sampling.remove(state.pool, worst)
    return worst


serve_by_size = serve_with(find, admit, insert, evict)


@entry
def replay_by_size(frame: Frame, state: SampledState, start: int, stop: int) -> None:
    """Serve requests."""
    serve_by_size(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class BeladySize:
    """Largest size × distance of ``sample`` cached files, drawn with ``seed``."""

    sample: int = 128
    seed: int = 0

    name: ClassVar[str] = "belady-size"
    replay = staticmethod(replay_by_size)

    def __post_init__(self) -> None:
        if self.sample < 1:
            raise SimulationError(f"sample of belady-size is {self.sample}; need at least one file")

    def state(self, trace: Trace, capacity_bytes: int) -> SampledState:  # noqa: ARG002 - part of the interface
        """An empty cache, and the future."""
        next_row = np.zeros(trace.n_files, np.int64)
        members = sampling.empty_pool(trace.n_files)
        return SampledState(
            members, trace.file_size, trace.next_access, next_row, np.zeros(1, np.int64), self.sample, self.seed
        )
