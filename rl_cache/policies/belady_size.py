"""Belady by size: of a sample of cached files, evict the one with the largest size × distance to its next request.

It knows the future. It misses fewer requests than :mod:`rl_cache.policies.belady` where sizes differ much, since it
gives up one large file for many small ones, and it writes less: what is never requested again is not stored.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.errors import SimulationError
from rl_cache.kernels import pool
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, serving
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """The cached files; ``coming`` is the row of the next request of each, ``draws[0]`` counts drawn files."""

    pool: pool.Pool
    size: NDArray[np.int64]
    next_access: NDArray[np.int64]
    coming: NDArray[np.int64]
    draws: NDArray[np.int64]
    sample: int
    seed: int


@kernel
def find(state: State, file: int, row: int) -> bool:
    """Look up when the file is next requested."""
    state.coming[file] = state.next_access[row]
    return pool.within(state.pool, file)


@kernel
def admit(state: State, file: int, _row: int) -> bool:
    """Store only what is requested again."""
    return bool(state.coming[file] < len(state.next_access))


@kernel
def insert(state: State, file: int, _row: int) -> None:
    """Join the cached files."""
    pool.add(state.pool, file)


@kernel
def evict(state: State, _file: int, row: int) -> int:
    """The largest product of the sample leaves."""
    worst, largest = -1, -1.0
    for _ in range(state.sample):
        file = pool.some(state.pool, state.seed, state.draws[0])
        state.draws[0] += 1
        never = state.coming[file] >= len(state.next_access)
        product = np.inf if never else float(state.size[file]) * float(state.coming[file] - row)
        if product > largest:
            worst, largest = file, product
    pool.remove(state.pool, worst)
    return worst


serve = serving(find, admit, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class BeladySize:
    """Largest size × distance of ``sample`` cached files, drawn with ``seed``."""

    sample: int = 128
    seed: int = 0

    name: ClassVar[str] = "belady-size"
    replay = staticmethod(replay)

    def __post_init__(self) -> None:
        if self.sample < 1:
            raise SimulationError(f"sample of belady-size is {self.sample}; need at least one file")

    def state(self, trace: Trace, capacity_bytes: int) -> State:  # noqa: ARG002 - part of the interface
        """An empty cache, and the future."""
        coming = np.zeros(trace.n_files, np.int64)
        members = pool.pool(trace.n_files)
        return State(members, trace.file_size, trace.next_access, coming, np.zeros(1, np.int64), self.sample, self.seed)
