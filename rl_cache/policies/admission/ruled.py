"""RuledLru: LRU under the rules that a cache can be given today: admission, quotas of directories, pinned files.

As XCache's plug-ins have them: a decision library that says whether a file is stored, and a purge library that purges
directories above their quota first. A pinned file is passed over while pinned files fill at most half the cache.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Int32, Int64, Mask
from rl_cache.errors import SimulationError
from rl_cache.kernels import linked_list
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import NOTHING, Frame, serve_with
from rl_cache.traces.trace import LabelColumn, Trace

MAX_PINNED_SHARE = 0.5
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
        max_pinned_bytes: bytes up to which pins hold.
    """

    links: linked_list.Links
    shelves: linked_list.Links
    size: Int64
    directory: Int32
    refused: Mask
    quota: Int64
    pinned: Mask
    occupied: Int64
    max_pinned_bytes: int


@kernel
def find(state: State, file: int, _row: int) -> bool:
    """Move a hit to the front of both lists."""
    if not linked_list.contains(state.links, file):
        return False
    unlink(state, file)
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
    linked_list.push_front(state.links, n_files, file)
    linked_list.push_front(state.shelves, n_files + directory, file)
    state.occupied[directory] += state.size[file]
    if state.pinned[file]:
        state.occupied[-1] += state.size[file]


@kernel
def unlink(state: State, file: int) -> None:
    """Out of both lists."""
    linked_list.unlink(state.links, file)
    linked_list.unlink(state.shelves, file)
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
    oldest = (
        linked_list.back(state.shelves, n_files + directory)
        if directory >= 0
        else linked_list.back(state.links, n_files)
    )
    spared = state.pinned[oldest] and directory < 0 and state.occupied[-1] <= state.max_pinned_bytes
    unlink(state, oldest)
    if spared:
        insert(state, oldest, 0)
        return NOTHING
    return oldest


serve = serve_with(find, admit, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@entry
def _store_files(state: State, files: Int64) -> None:
    for file in files:
        insert(state, file, 0)


@entry
def _list_files(state: State, into: Int64) -> None:
    file = linked_list.back(state.links, len(state.size))
    for place in range(len(into)):
        into[place] = file
        file = linked_list.newer(state.links, file)


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules for a cache, by name of directory or dataset. The default has none.

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


class TargetType(StrEnum):
    """What a rule is made for."""

    TIER = "tier"
    DIRECTORY = "directory"
    DATASET = "dataset"
    CACHE = "cache"


def directories(trace: Trace) -> LabelColumn:
    """What rules are made for: tiers where a trace has them, else directories, else datasets, else all files."""
    return typed_directories(trace)[1]


def typed_directories(trace: Trace) -> tuple[TargetType, LabelColumn]:
    """The same, and which of these it is."""
    columns = (
        (TargetType.TIER, trace.tier),
        (TargetType.DIRECTORY, trace.directory),
        (TargetType.DATASET, trace.dataset),
    )
    for target_type, labels in columns:
        if labels is not None:
            return target_type, labels
    return TargetType.CACHE, LabelColumn(np.zeros(trace.n_files, np.int32), ("/",))


@dataclass(frozen=True, slots=True)
class RuledLru:
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
            linked_list.empty_lists(trace.n_files),
            linked_list.empty_lists(trace.n_files, len(labels.names)),
            trace.file_size,
            labels.code,
            np.array([name in rules.refused for name in labels.names]),
            np.array(quota, np.int64),
            pinned,
            np.zeros(len(labels.names) + 1, np.int64),
            int(MAX_PINNED_SHARE * capacity_bytes),
        )

    def restore(self, state: State, files: Int64) -> None:
        """Store these files in an empty cache, the one that was requested longest ago first."""
        _store_files(state, files)

    def cached_files(self, state: State) -> Int64:
        """The files in the cache, the one that was requested longest ago first."""
        files = np.zeros(np.count_nonzero(linked_list.contained(state.links, len(state.size))), np.int64)
        _list_files(state, files)
        return files
