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
from rl_cache.kernels.ranking import ranking
from rl_cache.kernels.request import Frame
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """A heap by next request, the latest first."""

    heap: heap.Heap
    next_access: NDArray[np.int64]


@kernel
def key(state: State, _file: int, row: int) -> float:
    """The row of the next request, the later the lower; even what is never requested again is stored."""
    return -float(state.next_access[row])


serve = ranking(key, key)


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
