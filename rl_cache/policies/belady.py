"""Belady: evict the file whose next request lies furthest ahead (Belady, IBM Systems Journal 5, 1966).

It knows the future, so it is a reference and no policy. With files of one size nothing misses less; with sizes it is
a good reference for bytes and no bound: the optimum is NP-hard.
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
    """A heap by next request, the latest first."""

    heap: heap.Heap
    next_access: NDArray[np.int64]


@kernel
def find(state: State, file: int, row: int) -> bool:
    """A hit moves the file to its next request."""
    if not heap.holds(state.heap, file):
        return False
    heap.change(state.heap, file, -float(state.next_access[row]), row)
    return True


@kernel
def insert(state: State, file: int, row: int) -> None:
    """Even a file that is never requested again is stored; it is the first to leave."""
    heap.push(state.heap, file, -float(state.next_access[row]), row)


@kernel
def evict(state: State, _file: int, _row: int) -> int:
    """The file requested last of all leaves, of those never requested again that stored first."""
    return heap.pop(state.heap)


serve = serving(find, admit_all, insert, evict)


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
        return State(heap.heap(trace.n_files), trace.next_access)
