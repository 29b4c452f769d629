"""LFU by all requests since the trace began, those that missed included ("perfect LFU")."""

from dataclasses import dataclass
from typing import ClassVar

from rl_cache.kernels import heap
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.ranking import lowest
from rl_cache.kernels.request import Frame, admit_all, serving
from rl_cache.policies import lfu
from rl_cache.traces.trace import Trace


@kernel
def find(state: lfu.State, file: int, row: int) -> bool:
    """Every request counts."""
    state.requests[file] += 1
    if not heap.holds(state.heap, file):
        return False
    heap.change(state.heap, file, float(state.requests[file]), row)
    return True


@kernel
def insert(state: lfu.State, file: int, row: int) -> None:
    """A file returns with the count that it has."""
    heap.push(state.heap, file, float(state.requests[file]), row)


serve = serving(find, admit_all, insert, lowest)


@entry
def replay(frame: Frame, state: lfu.State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class LfuAllTime:
    """Least frequently used, counted always."""

    name: ClassVar[str] = "lfu-all-time"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> lfu.State:
        """An empty heap, no counts."""
        return lfu.Lfu().state(trace, capacity_bytes)
