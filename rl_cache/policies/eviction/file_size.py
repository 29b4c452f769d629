"""Size Big and Size Small: evict the largest, or the smallest, file."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Float64
from rl_cache.kernels import heap
from rl_cache.kernels.heap import rank_by
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """A heap by ``key``, fixed for each file."""

    heap: heap.Heap
    key: Float64


@kernel
def key(state: State, file: int, _row: int) -> float:
    """The same whenever the file is requested: a hit matters among files of one size only."""
    return float(state.key[file])


serve = rank_by(key, key)


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
        return State(heap.empty_heap(trace.n_files), -trace.file_size.astype(np.float64))


@dataclass(frozen=True, slots=True)
class SizeSmall:
    """The smallest file leaves first."""

    name: ClassVar[str] = "size-small"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:  # noqa: ARG002 - part of the interface
        """An empty heap."""
        return State(heap.empty_heap(trace.n_files), trace.file_size.astype(np.float64))
