"""W-TinyLFU: what leaves a small LRU window must have been requested more often than what it would displace.

Einziger, Friedman, Manes, ACM Transactions on Storage 13 (2017). The main part is a segmented LRU: on probation until
a second hit, then protected. Requests are counted per file, up to 15, and all counts are halved from time to time; the
paper's sketch approximates these counts to save memory, which a simulation has. With files of many sizes a
candidate is compared with one victim after the other, as each of them would have to leave.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Int64, UInt8
from rl_cache.errors import SimulationError
from rl_cache.kernels import linked_list
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.linked_list import NOWHERE, dequeue, enqueue, oldest
from rl_cache.kernels.request import Frame, admit_all, serve_with
from rl_cache.traces.trace import Trace

WINDOW, PROBATION, PROTECTED = range(3)
MAX_COUNT = 15
COUNTED_PER_FILE = 10


class State(NamedTuple):
    """Three lists over one set of links.

    Attributes:
        links: list k has the head n_files + k.
        where: uint8[n_files], the list that a file is in.
        requests: uint8[n_files], counts since they were halved.
        occupied: int64[3], bytes of each list.
        limit: int64[3], bytes that WINDOW, all of the rest, and PROTECTED may hold.
        counted: int64[1], requests since the counts were halved.
        size: bytes of each file.
        halve_after: requests after which the counts are halved.
    """

    links: linked_list.Links
    where: UInt8
    requests: UInt8
    occupied: Int64
    limit: Int64
    counted: Int64
    size: Int64
    halve_after: int


@kernel
def count(state: State, file: int) -> None:
    """Count a request; halve all counts when their time has come."""
    if state.requests[file] < MAX_COUNT:
        state.requests[file] += 1
    state.counted[0] += 1
    if state.counted[0] >= state.halve_after:
        state.counted[0] = 0
        for other in range(len(state.requests)):
            state.requests[other] >>= 1


@kernel
def find(state: State, file: int, _row: int) -> bool:
    """A hit on probation is protected, other hits move to the front of their list."""
    count(state, file)
    where = state.where[file]
    if where == NOWHERE:
        return False
    dequeue(state, file)
    enqueue(state, WINDOW if where == WINDOW else PROTECTED, file)
    while state.occupied[PROTECTED] > state.limit[PROTECTED]:
        demoted = oldest(state, PROTECTED)
        dequeue(state, demoted)
        enqueue(state, PROBATION, demoted)
    return True


@kernel
def insert(state: State, file: int, _row: int) -> None:
    """A new file joins the window; what the window cannot hold goes on while there is room."""
    enqueue(state, WINDOW, file)
    while state.occupied[WINDOW] > state.limit[WINDOW] and _has_room(state, oldest(state, WINDOW)):
        passing = oldest(state, WINDOW)
        dequeue(state, passing)
        enqueue(state, PROBATION, passing)


@kernel
def _has_room(state: State, file: int) -> bool:
    main = state.occupied[PROBATION] + state.occupied[PROTECTED]
    return bool(main + state.size[file] <= state.limit[PROBATION])


@kernel
def evict(state: State, file: int, _row: int) -> int:
    """The window's candidate or the main part's victim leaves, whichever was requested less."""
    victim = PROBATION if state.occupied[PROBATION] > 0 else PROTECTED
    if state.occupied[victim] == 0 or state.occupied[WINDOW] + state.size[file] <= state.limit[WINDOW]:
        where = WINDOW if state.occupied[victim] == 0 else victim
        return evict_from(state, where)
    if state.occupied[WINDOW] == 0:
        return evict_from(state, victim)
    candidate = oldest(state, WINDOW)
    if state.requests[candidate] <= state.requests[oldest(state, victim)]:
        return evict_from(state, WINDOW)
    evicted = evict_from(state, victim)
    if _has_room(state, candidate):
        dequeue(state, candidate)
        enqueue(state, PROBATION, candidate)
    return evicted


@kernel
def evict_from(state: State, where: int) -> int:
    """The file at the back of a list leaves the cache."""
    evicted = oldest(state, where)
    dequeue(state, evicted)
    return evicted


serve = serve_with(find, admit_all, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class WTinyLfu:
    """W-TinyLFU with these shares: the window's of the capacity, the protected files' of the rest."""

    window_share: float = 0.01
    protected_share: float = 0.8

    name: ClassVar[str] = "w-tinylfu"
    replay = staticmethod(replay)

    def __post_init__(self) -> None:
        if not (0 < self.window_share < 1 and 0 < self.protected_share < 1):
            raise SimulationError(
                f"w-tinylfu has window_share {self.window_share}, protected_share {self.protected_share}; "
                "both lie between 0 and 1"
            )

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """Empty lists; counts are halved after ten requests for each file of mean size that fits."""
        window = int(capacity_bytes * self.window_share)
        main = capacity_bytes - window
        fitting = capacity_bytes / trace.file_size.mean()
        return State(
            linked_list.empty_lists(trace.n_files, 3),
            np.full(trace.n_files, NOWHERE, np.uint8),
            np.zeros(trace.n_files, np.uint8),
            np.zeros(3, np.int64),
            np.array([window, main, int(main * self.protected_share)], np.int64),
            np.zeros(1, np.int64),
            trace.file_size,
            max(1, int(COUNTED_PER_FILE * fitting)),
        )
