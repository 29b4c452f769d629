"""Size Big: evict the largest file."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels import heap
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, admit_all, serving
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """A heap by ``key``, fixed for each file."""

    heap: heap.Heap
    key: NDArray[np.float64]


@kernel
def find(state: State, file: int, row: int) -> bool:
    """A hit matters among files of one size only."""
    if not heap.holds(state.heap, file):
        return False
    heap.change(state.heap, file, state.key[file], row)
    return True


@kernel
def insert(state: State, file: int, row: int) -> None:
    """A new file takes its place by size."""
    heap.push(state.heap, file, state.key[file], row)


@kernel
def evict(state: State, _file: int, _row: int) -> int:
    """The first by size leaves, of equal ones that requested least recently."""
    return heap.pop(state.heap)


serve = serving(find, admit_all, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class SizeBig:
    """The largest file leaves first."""

    name: ClassVar[str] = "size-big"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:  # noqa: ARG002 - part of the interface
        """An empty heap."""
        return State(heap.heap(trace.n_files), -trace.file_size.astype(np.float64))
