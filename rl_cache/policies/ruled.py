"""Ruled: LRU under the rules that a cache can be given today: admission, quotas of directories, pinned files.

As XCache's plug-ins have them: a decision library that says whether a file is stored, and a purge library that purges
directories above their quota first. A pinned file is passed over while pinned files fill at most half the cache.
"""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.errors import SimulationError
from rl_cache.kernels import chain
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, serving
from rl_cache.traces.trace import Labels, Trace

Ints = NDArray[np.int64]

MOST_PINNED = 0.5
"""Share of the capacity up to which pins hold."""


class State(NamedTuple):
    """Two lists of each cached file: of the whole cache and of its directory.

    Attributes:
        links: all files, the one requested last at the front.
        shelves: the same by directory; directory k has the head n_files + k.
        size: bytes of each file.
        directory: of each file.
        refused: bool[directories], not to be stored.
        quota: int64[directories], bytes.
        pinned: bool[n_files].
        occupied: int64[directories + 1], bytes of each directory, and of pinned files.
        most_pinned: bytes up to which pins hold.
    """

    links: chain.Chains
    shelves: chain.Chains
    size: NDArray[np.int64]
    directory: NDArray[np.int32]
    refused: NDArray[np.bool_]
    quota: NDArray[np.int64]
    pinned: NDArray[np.bool_]
    occupied: NDArray[np.int64]
    most_pinned: int


@kernel
def find(state: State, file: int, _row: int) -> bool:
    """Move a hit to the front of both lists."""
    if not chain.linked(state.links, file):
        return False
    leave(state, file)
    insert(state, file, 0)
    return True


@kernel
def admit(state: State, file: int, _row: int) -> bool:
    """Whether its directory is stored at all."""
    return not state.refused[state.directory[file]]


@kernel
def insert(state: State, file: int, _row: int) -> None:
    """To the front of both lists."""
    n_files, directory = len(state.size), state.directory[file]
    chain.to_front(state.links, n_files, file)
    chain.to_front(state.shelves, n_files + directory, file)
    state.occupied[directory] += state.size[file]
    if state.pinned[file]:
        state.occupied[-1] += state.size[file]


@kernel
def leave(state: State, file: int) -> None:
    """Out of both lists."""
    chain.unlink(state.links, file)
    chain.unlink(state.shelves, file)
    state.occupied[state.directory[file]] -= state.size[file]
    if state.pinned[file]:
        state.occupied[-1] -= state.size[file]


@kernel
def over_quota(state: State) -> int:
    """The directory that exceeds its quota by most; -1 if none does."""
    worst, most = -1, 0
    for directory in range(len(state.quota)):
        excess = state.occupied[directory] - state.quota[directory]
        if excess > most:
            worst, most = directory, excess
    return worst


@kernel
def evict(state: State, _file: int, _row: int) -> int:
    """The oldest of the directory most over its quota, else of all; pinned files go to the front instead."""
    n_files, directory = len(state.size), over_quota(state)
    oldest = chain.back(state.shelves, n_files + directory) if directory >= 0 else chain.back(state.links, n_files)
    spared = state.pinned[oldest] and directory < 0 and state.occupied[-1] <= state.most_pinned
    leave(state, oldest)
    if spared:
        insert(state, oldest, 0)
        return -1
    return oldest


serve = serving(find, admit, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@entry
def _store(state: State, files: Ints) -> None:
    for file in files:
        insert(state, file, 0)


@entry
def _list(state: State, into: Ints) -> None:
    file = chain.back(state.links, len(state.size))
    for place in range(len(into)):
        into[place] = file
        file = chain.newer(state.links, file)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of a cache, by name of directory or dataset. The default asks nothing.

    Attributes:
        refused: directories that are not stored.
        quotas: shares of the capacity, by directory; above it a directory is purged first.
        pinned: datasets that are kept.
    """

    refused: frozenset[str] = frozenset()
    quotas: dict[str, float] = field(default_factory=dict)
    pinned: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        wrong = {name: share for name, share in self.quotas.items() if not 0 < share <= 1}
        if wrong:
            raise SimulationError(f"quotas are {wrong}; shares of the capacity are over 0 and at most 1")


def directories(trace: Trace) -> Labels:
    """What rules are made for: data tiers, or datasets where a trace has no tiers; else one directory for all."""
    return trace.tier or trace.dataset or Labels(np.zeros(trace.n_files, np.int32), ("/",))


@dataclass(frozen=True, slots=True)
class Ruled:
    """LRU under these rules. Names that a trace does not have are without effect."""

    rules: Rules = field(default_factory=Rules)

    name: ClassVar[str] = "ruled"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """Empty lists."""
        labels, rules = directories(trace), self.rules
        quota = [int(rules.quotas.get(name, 1.0) * capacity_bytes) for name in labels.names]
        pinned = np.zeros(trace.n_files, np.bool_)
        if trace.dataset is not None:
            pinned |= np.array([name in rules.pinned for name in trace.dataset.names])[trace.dataset.code]
        return State(
            chain.chains(trace.n_files),
            chain.chains(trace.n_files, len(labels.names)),
            trace.file_size,
            labels.code,
            np.array([name in rules.refused for name in labels.names]),
            np.array(quota, np.int64),
            pinned,
            np.zeros(len(labels.names) + 1, np.int64),
            int(MOST_PINNED * capacity_bytes),
        )

    def restore(self, state: State, files: Ints) -> None:
        """Store these files in an empty cache, the one that was requested longest ago first."""
        _store(state, files)

    def held(self, state: State) -> Ints:
        """The files in the cache, the one that was requested longest ago first."""
        files = np.zeros(np.count_nonzero(state.links[: len(state.size), 0] >= 0), np.int64)
        _list(state, files)
        return files
