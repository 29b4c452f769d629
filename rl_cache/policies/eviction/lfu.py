"""LFU: evict the file with the fewest requests, counted while it is cached or since the trace began.

While cached, a file that returns starts anew; the all-time count ("perfect LFU") includes requests that missed.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Int64
from rl_cache.kernels import heap
from rl_cache.kernels.heap import evict_lowest, rank_by
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, admit_all, serve_with
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """A heap by the number of ``requests``."""

    heap: heap.Heap
    requests: Int64


@kernel
def count_hit(state: State, file: int, _row: int) -> float:
    """A hit counts."""
    state.requests[file] += 1
    return float(state.requests[file])


@kernel
def start_count(state: State, file: int, _row: int) -> float:
    """The count begins with the request that stored the file."""
    state.requests[file] = 1
    return 1.0


serve = rank_by(count_hit, start_count)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class Lfu:
    """Least frequently used, counted while cached."""

    name: ClassVar[str] = "lfu"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:  # noqa: ARG002 - part of the interface
        """An empty heap."""
        return State(heap.empty_heap(trace.n_files), np.zeros(trace.n_files, np.int64))


@kernel
def find_and_count(state: State, file: int, row: int) -> bool:
    """Every request counts."""
    state.requests[file] += 1
    if not heap.contains(state.heap, file):
        return False
    heap.change(state.heap, file, float(state.requests[file]), row)
    return True


@kernel
def insert_with_count(state: State, file: int, row: int) -> None:
    """A file returns with the count that it has."""
    heap.push(state.heap, file, float(state.requests[file]), row)


serve_all_time = serve_with(find_and_count, admit_all, insert_with_count, evict_lowest)


@entry
def replay_all_time(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve_all_time(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class LfuAllTime:
    """Least frequently used, counted always."""

    name: ClassVar[str] = "lfu-all-time"
    replay = staticmethod(replay_all_time)

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """An empty heap, no counts."""
        return Lfu().state(trace, capacity_bytes)
