"""LRU that fetches the rest of a dataset once some of its files were read within hours: the rule ``prefetch``.

Only files that were read before can be fetched. In one burst at most MAX_BURST_SHARE of the capacity is fetched, and a
dataset is fetched again only after its hours have passed. What was fetched and not read stays below MAX_UNREAD_SHARE
of what was missed, whatever is requested: where fetching is in vain, it soon ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Int32, Int64, Mask
from rl_cache.errors import SimulationError
from rl_cache.kernels import linked_list
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import NOTHING, Frame, admit_all, serve_with
from rl_cache.policies.admission.ruled import directories
from rl_cache.policies.eviction import lru
from rl_cache.traces.trace import Trace

MAX_BURST_SHARE = 0.02
MAX_UNREAD_SHARE = 0.1

_NEXT, _REMAINING, _ROW = range(3)
MISSED, FETCHED, READ = range(3)
_NEVER = -(2**62)


class State(NamedTuple):
    """LRU's list, the requested files of each dataset, and the state of the present fetching.

    Attributes:
        queue: LRU.
        siblings: one list a dataset of the files that were requested, the one requested last at the front.
        dataset, directory: of each file.
        size: bytes of each file.
        time_s: of each request; only rows up to the present one are read.
        last_s: int64[n_files], the last request for each file.
        fetched_s: int64[datasets], when each was fetched last.
        unread: bool[n_files], cached since it was fetched, and not read.
        trigger: int64[directories], files that have to be read; 0 where nothing is fetched.
        window_s: int64[directories], seconds within which.
        fetching: int64[3]: the file to look at next, bytes that may still be fetched, the row that began it.
        sums: int64[3]: bytes that were missed, fetched, and fetched and then read.
        max_bytes: fetched in one burst at most.
    """

    queue: lru.State
    siblings: linked_list.Links
    dataset: Int32
    directory: Int32
    size: Int64
    time_s: Int64
    last_s: Int64
    fetched_s: Int64
    unread: Mask
    trigger: Int64
    window_s: Int64
    fetching: Int64
    sums: Int64
    max_bytes: int


@kernel
def find(state: State, file: int, row: int) -> bool:
    """Note the request, and let LRU note a hit."""
    if linked_list.contains(state.siblings, file):
        linked_list.unlink(state.siblings, file)
    linked_list.push_front(state.siblings, len(state.dataset) + state.dataset[file], file)
    state.last_s[file] = state.time_s[row]
    if state.unread[file]:
        state.unread[file] = False
        state.sums[READ] += state.size[file]
    return lru.find(state.queue, file, row)


@kernel
def insert(state: State, file: int, row: int) -> None:
    """As LRU."""
    lru.insert(state.queue, file, row)


@kernel
def evict(state: State, file: int, row: int) -> int:
    """As LRU; what leaves unread was fetched in vain."""
    evicted = lru.evict(state.queue, file, row)
    state.unread[evicted] = False
    return evicted


@kernel
def is_triggered(state: State, file: int, now: int) -> bool:
    """Whether as many files of its dataset were read within the window as its directory's rule asks for."""
    trigger, window_s = state.trigger[state.directory[file]], state.window_s[state.directory[file]]
    if trigger == 0 or now - state.fetched_s[state.dataset[file]] < window_s:
        return False
    head = len(state.dataset) + state.dataset[file]
    sibling = head
    for _ in range(trigger):
        sibling = linked_list.older(state.siblings, sibling)
        if sibling == head:
            return False
    return bool(now - state.last_s[sibling] <= window_s)


@kernel
def fetch(state: State, file: int, row: int) -> int:
    """The next requested sibling that is not cached, while there is room for it."""
    dataset, now = state.dataset[file], state.time_s[row]
    head = len(state.dataset) + dataset
    if state.fetching[_ROW] != row:
        state.sums[MISSED] += state.size[file]
        if not is_triggered(state, file, now):
            return NOTHING
        state.fetched_s[dataset] = now
        state.fetching[_NEXT] = linked_list.back(state.siblings, head)
        state.fetching[_REMAINING] = state.max_bytes
        state.fetching[_ROW] = row
    while state.fetching[_NEXT] != head:
        sibling = int(state.fetching[_NEXT])
        state.fetching[_NEXT] = linked_list.newer(state.siblings, sibling)
        size = state.size[sibling]
        unread = state.sums[FETCHED] - state.sums[READ] + size
        room = size <= state.fetching[_REMAINING] and unread <= MAX_UNREAD_SHARE * state.sums[MISSED]
        if room and not linked_list.contains(state.queue.links, sibling):
            state.fetching[_REMAINING] -= size
            state.sums[FETCHED] += size
            state.unread[sibling] = True
            return sibling
    return NOTHING


serve = serve_with(find, admit_all, insert, evict, fetch)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class Burst:
    """What sets fetching off: so many ``files`` of one dataset read within ``hours``."""

    files: int
    hours: float

    def __post_init__(self) -> None:
        if self.files < 1 or not 0 < self.hours <= 1e6:
            raise SimulationError(f"a burst has {self.files} files in {self.hours} h; need at least 1, in over 0 h")

    @property
    def window_s(self) -> int:
        """The hours in seconds."""
        return int(self.hours * 3600)


@dataclass(frozen=True, slots=True)
class FetchAhead:
    """LRU under these rules, by name of directory. Names that a trace does not have are without effect."""

    bursts: Mapping[str, Burst]

    name: ClassVar[str] = "fetch-ahead"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """An empty list, nothing requested yet."""
        if trace.dataset is None:
            raise SimulationError(f"{trace.origin} has no datasets; nothing can be fetched ahead")
        labels, dataset = directories(trace), trace.dataset.code
        bursts = [self.bursts.get(name) for name in labels.names]
        datasets = int(dataset.max()) + 1
        return State(
            lru.Lru().state(trace, capacity_bytes),
            linked_list.empty_lists(trace.n_files, datasets),
            dataset,
            labels.code,
            trace.file_size,
            trace.time_s,
            np.full(trace.n_files, _NEVER, np.int64),
            np.full(datasets, _NEVER, np.int64),
            np.zeros(trace.n_files, np.bool_),
            np.array([0 if burst is None else burst.files for burst in bursts], np.int64),
            np.array([0 if burst is None else burst.window_s for burst in bursts], np.int64),
            np.full(3, NOTHING, np.int64),
            np.zeros(3, np.int64),
            int(MAX_BURST_SHARE * capacity_bytes),
        )
