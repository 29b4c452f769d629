"""ARC: two LRU lists, of files requested once and more often, whose shares follow what was missed by a little.

Megiddo and Modha, FAST 2003. The paper counts pages; here a file counts as many as it has bytes, and the step of
the adaptation is multiplied by the size of the file that was missed. With files of one byte it is the paper's.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels import chain
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.queues import NOWHERE, join, leave, oldest
from rl_cache.kernels.request import Frame, admit_all, serving
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

    links: chain.Chains
    where: NDArray[np.uint8]
    occupied: NDArray[np.int64]
    target: NDArray[np.float64]
    ghost: NDArray[np.int64]
    size: NDArray[np.int64]
    capacity: int


@kernel
def find(state: State, file: int, row: int) -> bool:
    """A hit moves to OFTEN; a ghost moves the target."""
    where = state.where[file]
    if where == NOWHERE:
        return False
    if where <= OFTEN:
        leave(state, file)
        join(state, OFTEN, file)
        return True
    adapt(state, where, file)
    state.ghost[0] = row
    state.ghost[1] = where
    leave(state, file)
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
    join(state, OFTEN if state.ghost[0] == row else ONCE, file)


@kernel
def evict(state: State, file: int, row: int) -> int:
    """Forget ghosts where there are too many, then replace."""
    if state.ghost[0] != row:
        size = state.size[file]
        occupied = state.occupied
        if occupied[ONCE] + occupied[ONCE_GHOST] + size > state.capacity:
            if occupied[ONCE_GHOST] == 0:
                gone = oldest(state, ONCE)
                leave(state, gone)
                return gone
            leave(state, oldest(state, ONCE_GHOST))
        elif occupied.sum() + size > 2 * state.capacity and occupied[OFTEN_GHOST] > 0:
            leave(state, oldest(state, OFTEN_GHOST))
    return replace(state, row)


@kernel
def replace(state: State, row: int) -> int:
    """The oldest of the side above its target becomes a ghost."""
    once = float(state.occupied[ONCE])
    missed_often = state.ghost[0] == row and state.ghost[1] == OFTEN_GHOST
    above = once > state.target[0] or (once == state.target[0] and missed_often)
    where = ONCE if (once > 0 and above) or state.occupied[OFTEN] == 0 else OFTEN
    gone = oldest(state, where)
    leave(state, gone)
    join(state, ONCE_GHOST if where == ONCE else OFTEN_GHOST, gone)
    return gone


serve = serving(find, admit_all, insert, evict)


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
            chain.chains(trace.n_files, 4),
            np.full(trace.n_files, NOWHERE, np.uint8),
            np.zeros(4, np.int64),
            np.zeros(1),
            np.array([-1, NOWHERE], np.int64),
            trace.file_size,
            capacity_bytes,
        )
