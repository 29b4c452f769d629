"""LFU by requests while cached: evict the file with the fewest hits since it was stored.

A file that returns starts anew; compare :mod:`rl_cache.policies.lfu_all_time`.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels import heap
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.ranking import ranking
from rl_cache.kernels.request import Frame
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """A heap by the number of ``requests``."""

    heap: heap.Heap
    requests: NDArray[np.int64]


@kernel
def hit(state: State, file: int, _row: int) -> float:
    """A hit counts."""
    state.requests[file] += 1
    return float(state.requests[file])


@kernel
def stored(state: State, file: int, _row: int) -> float:
    """The count begins with the request that stored the file."""
    state.requests[file] = 1
    return 1.0


serve = ranking(hit, stored)


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
