"""ARC: two LRU lists, of files requested once and more often, whose shares follow what was missed by a little.

Megiddo and Modha, FAST 2003. The paper counts pages; here a file counts as many as it has bytes, and the step of
the adaptation is multiplied by the size of the file that was missed. With files of one byte it is the paper's.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Float64, Int64, UInt8
from rl_cache.kernels import linked_list
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.linked_list import NOWHERE, dequeue, enqueue, oldest
from rl_cache.kernels.request import Frame, admit_all, serve_with
from rl_cache.traces.trace import Trace

ONCE, OFTEN, ONCE_GHOST, OFTEN_GHOST = range(4)
"""The paper's T1, T2, B1, B2."""


class State(NamedTuple):
    """Four lists over one set of links.

    Attributes:
        links: list k has the head n_files + k.
        where: uint8[n_files], the list that a file is in.
        occupied: int64[4], bytes of each list.
        target: float64[1], bytes that ONCE should have: the paper's p.
        ghost: int64[2], the last row that found its file among the ghosts, and in which list.
        size: bytes of each file.
        capacity: bytes.
    """

    links: linked_list.Links
    where: UInt8
    occupied: Int64
    target: Float64
    ghost: Int64
    size: Int64
    capacity: int


@kernel
def find(state: State, file: int, row: int) -> bool:
    """A hit moves to OFTEN; a ghost moves the target."""
    where = state.where[file]
    if where == NOWHERE:
        return False
    if where <= OFTEN:
        dequeue(state, file)
        enqueue(state, OFTEN, file)
        return True
    adapt(state, where, file)
    state.ghost[0] = row
    state.ghost[1] = where
    dequeue(state, file)
    return False


@kernel
def adapt(state: State, where: int, file: int) -> None:
    """More room for the side whose ghost was requested, the more the fewer ghosts that side has."""
    other = OFTEN_GHOST if where == ONCE_GHOST else ONCE_GHOST
    step = max(state.occupied[other] / state.occupied[where], 1.0) * state.size[file]
    if where == ONCE_GHOST:
        state.target[0] = min(state.target[0] + step, float(state.capacity))
    else:
        state.target[0] = max(state.target[0] - step, 0.0)


@kernel
def insert(state: State, file: int, row: int) -> None:
    """Former ghosts were requested before."""
    enqueue(state, OFTEN if state.ghost[0] == row else ONCE, file)


@kernel
def evict(state: State, file: int, row: int) -> int:
    """Forget ghosts where there are too many, then replace."""
    if state.ghost[0] != row:
        size = state.size[file]
        occupied = state.occupied
        if occupied[ONCE] + occupied[ONCE_GHOST] + size > state.capacity:
            if occupied[ONCE_GHOST] == 0:
                evicted = oldest(state, ONCE)
                dequeue(state, evicted)
                return evicted
            dequeue(state, oldest(state, ONCE_GHOST))
        elif occupied.sum() + size > 2 * state.capacity and occupied[OFTEN_GHOST] > 0:
            dequeue(state, oldest(state, OFTEN_GHOST))
    return replace(state, row)


@kernel
def replace(state: State, row: int) -> int:
    """The oldest of the side above its target becomes a ghost."""
    once = float(state.occupied[ONCE])
    missed_often = state.ghost[0] == row and state.ghost[1] == OFTEN_GHOST
    above = once > state.target[0] or (once == state.target[0] and missed_often)
    where = ONCE if (once > 0 and above) or state.occupied[OFTEN] == 0 else OFTEN
    evicted = oldest(state, where)
    dequeue(state, evicted)
    enqueue(state, ONCE_GHOST if where == ONCE else OFTEN_GHOST, evicted)
    return evicted


serve = serve_with(find, admit_all, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class Arc:
    """Adaptive replacement cache."""

    name: ClassVar[str] = "arc"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """Empty lists."""
        return State(
            linked_list.empty_lists(trace.n_files, 4),
            np.full(trace.n_files, NOWHERE, np.uint8),
            np.zeros(4, np.int64),
            np.zeros(1),
            np.array([-1, NOWHERE], np.int64),
            trace.file_size,
            capacity_bytes,
        )
