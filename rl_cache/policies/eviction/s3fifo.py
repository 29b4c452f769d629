"""S3-FIFO: a small queue on trial, a main queue for what proved itself, a ghost queue of what failed the trial.

Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023, with two rules of the authors' later code
(libCacheSim 0.3): until the first eviction, what does not fit into the small queue joins the main one, and a
file larger than the small queue is not stored.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Int64, UInt8
from rl_cache.errors import SimulationError
from rl_cache.kernels import linked_list
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import NOTHING, Frame, serve_with
from rl_cache.traces.trace import Trace

SMALL, MAIN, GHOST = range(3)
MAX_HITS = 3


class State(NamedTuple):
    """Three queues over one set of links.

    Attributes:
        links: queue k has the head n_files + k.
        where: uint8[n_files], the queue that a file is in.
        hits: uint8[n_files], hits since it joined its queue, 3 at most.
        occupied: int64[3], bytes in each queue.
        limit: int64[3], bytes that each may hold.
        flags: int64[2], the last row that found its file in the ghost queue, and whether anything was evicted yet.
        size: bytes of each file.
        proof: hits on trial that move a file to the main queue.
    """

    links: linked_list.Links
    where: UInt8
    hits: UInt8
    occupied: Int64
    limit: Int64
    flags: Int64
    size: Int64
    proof: int


@kernel
def enqueue(state: State, queue: int, file: int) -> None:
    """Put a file that is nowhere into a queue, without hits."""
    linked_list.enqueue(state, queue, file)
    state.hits[file] = 0


@kernel
def find(state: State, file: int, row: int) -> bool:
    """Count a hit; a ghost is remembered until the file is stored."""
    queue = state.where[file]
    if queue <= MAIN:
        if state.hits[file] < MAX_HITS:
            state.hits[file] += 1
        return True
    if queue == GHOST:
        linked_list.dequeue(state, file)
        state.flags[0] = row
    return False


@kernel
def admit(state: State, file: int, _row: int) -> bool:
    """A file that would fill the small queue alone is not stored."""
    return bool(state.size[file] < state.limit[SMALL])


@kernel
def insert(state: State, file: int, row: int) -> None:
    """Former ghosts join the main queue, others the small one."""
    filling = state.flags[1] == 0 and state.occupied[SMALL] >= state.limit[SMALL]
    enqueue(state, MAIN if filling or state.flags[0] == row else SMALL, file)


@kernel
def evict(state: State, _file: int, _row: int) -> int:
    """Shorten the main queue where it is too long, else the small one."""
    state.flags[1] = 1
    if state.occupied[MAIN] > state.limit[MAIN] or state.occupied[SMALL] == 0:
        return evict_main(state)
    return evict_small(state)


@kernel
def evict_small(state: State) -> int:
    """The first that failed its trial becomes a ghost; those before it that passed move to the main queue."""
    while state.occupied[SMALL] > 0:
        file = linked_list.oldest(state, SMALL)
        passed = state.hits[file] >= state.proof
        linked_list.dequeue(state, file)
        if not passed:
            add_ghost(state, file)
            return file
        enqueue(state, MAIN, file)
    return NOTHING


@kernel
def add_ghost(state: State, file: int) -> None:
    """Remember a file that failed; the oldest ghosts are forgotten."""
    if state.size[file] <= state.limit[GHOST]:
        while state.occupied[GHOST] + state.size[file] > state.limit[GHOST]:
            linked_list.dequeue(state, linked_list.oldest(state, GHOST))
        enqueue(state, GHOST, file)


@kernel
def evict_main(state: State) -> int:
    """The first without hits leaves; those before it go round again with one hit less."""
    while True:
        file = linked_list.oldest(state, MAIN)
        hits = state.hits[file]
        linked_list.dequeue(state, file)
        if hits == 0:
            return file
        enqueue(state, MAIN, file)
        state.hits[file] = hits - 1


serve = serve_with(find, admit, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class S3Fifo:
    """S3-FIFO whose small and ghost queues hold these shares of the capacity."""

    small_share: float = 0.1
    ghost_share: float = 0.9
    proof: int = 2

    name: ClassVar[str] = "s3fifo"
    replay = staticmethod(replay)

    def __post_init__(self) -> None:
        if not 0 < self.small_share < 1 or self.ghost_share < 0 or not 1 <= self.proof <= MAX_HITS:
            raise SimulationError(
                f"s3fifo has small_share {self.small_share}, ghost_share {self.ghost_share}, proof {self.proof}; "
                f"need 0 < small_share < 1, ghost_share >= 0, proof 1 to {MAX_HITS}"
            )

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """Empty queues."""
        small = int(capacity_bytes * self.small_share)
        limit = np.array([small, capacity_bytes - small, int(capacity_bytes * self.ghost_share)], np.int64)
        return State(
            linked_list.empty_lists(trace.n_files, 3),
            np.full(trace.n_files, linked_list.NOWHERE, np.uint8),
            np.zeros(trace.n_files, np.uint8),
            np.zeros(3, np.int64),
            limit,
            np.array([-1, 0], np.int64),
            trace.file_size,
            self.proof,
        )
