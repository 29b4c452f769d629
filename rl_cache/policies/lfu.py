"""LFU by requests while cached: evict the file with the fewest hits since it was stored.

A file that returns starts anew; compare :mod:`rl_cache.policies.lfu_all_time`.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels import heap
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, admit_all, serving
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """A heap by the number of ``requests``."""

    heap: heap.Heap
    requests: NDArray[np.int64]


@kernel
def find(state: State, file: int, row: int) -> bool:
    """A hit counts."""
    if not heap.holds(state.heap, file):
        return False
    state.requests[file] += 1
    heap.change(state.heap, file, float(state.requests[file]), row)
    return True


@kernel
def insert(state: State, file: int, row: int) -> None:
    """The count begins with the request that stored the file."""
    state.requests[file] = 1
    heap.push(state.heap, file, 1.0, row)


@kernel
def evict(state: State, _file: int, _row: int) -> int:
    """The file with the lowest count leaves, of equal ones that requested least recently."""
    return heap.pop(state.heap)


serve = serving(find, admit_all, insert, evict)


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
        return State(heap.heap(trace.n_files), np.zeros(trace.n_files, np.int64))
