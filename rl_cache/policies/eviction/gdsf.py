"""GDSF: evict the file with the least requests per byte, older requests counting less (Cherkasova, HPL-98-69, 1998).

A file's priority is L + requests while cached / size; L is the priority of what was evicted last, so that files which
were popular long ago sink below new ones.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Float64, Int64
from rl_cache.kernels import heap
from rl_cache.kernels.heap import evict_lowest, rank_by
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame
from rl_cache.traces.trace import Trace

_MEGABYTE = 1e6


class State(NamedTuple):
    """A heap by priority; ``requests`` counts those while cached, ``inflation[0]`` is L."""

    heap: heap.Heap
    requests: Int64
    inverse_size: Float64
    inflation: Float64


@kernel
def priority_of_hit(state: State, file: int, _row: int) -> float:
    """A hit raises the file's priority."""
    state.requests[file] += 1
    return float(state.inflation[0] + state.requests[file] * state.inverse_size[file])


@kernel
def priority_of_new(state: State, file: int, _row: int) -> float:
    """A new file was requested once."""
    state.requests[file] = 1
    return float(state.inflation[0] + state.inverse_size[file])


@kernel
def evict(state: State, file: int, row: int) -> int:
    """The file with the evict_lowest priority leaves and sets L."""
    state.inflation[0] = state.heap.key[0]
    return evict_lowest(state, file, row)


serve = rank_by(priority_of_hit, priority_of_new, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class Gdsf:
    """Greedy dual size frequency."""

    name: ClassVar[str] = "gdsf"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:  # noqa: ARG002 - part of the interface
        """An empty heap."""
        requests = np.zeros(trace.n_files, np.int64)
        return State(heap.empty_heap(trace.n_files), requests, _MEGABYTE / trace.file_size, np.zeros(1))
