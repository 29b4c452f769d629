"""Sibling prefetch: S3-FIFO that fetches the rest of a dataset once a few of its files were requested in a burst.

A what-if and no recommended policy: what is fetched is read from remote storage and written like a miss, whether it is
requested later or not. Only files that were requested before can be fetched, and in one burst at most a share of the
cache. Where a trace has no datasets, this is S3-FIFO.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Int32, Int64
from rl_cache.errors import SimulationError
from rl_cache.kernels import linked_list
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import NOTHING, Frame, serve_with
from rl_cache.policies.eviction import s3fifo
from rl_cache.traces.trace import Trace, read_only

_LAST_S, _BURST = range(2)
_NEXT, _REMAINING, _ROW = range(3)
_FETCHED = -(2**62)
"""Stands for the requests of a burst that has set fetching off: it does not do so again."""


class State(NamedTuple):
    """S3-FIFO's queues, the requested files of each dataset, and the state of the present fetching.

    Attributes:
        queues: S3-FIFO.
        siblings: one list a dataset of the files that were requested, the one requested last at the front.
        dataset: of each file.
        datasets: int64[datasets, 2]: last request in seconds, requests in the present burst.
        fetching: int64[3]: the file to look at next, bytes that may still be fetched, the row that began it.
        time_s: of each request; only rows up to the present one are read.
        trigger: requests in a burst that set fetching off.
        gap_s: seconds without a request that end a burst.
        max_bytes: fetched in one burst at most.
    """

    queues: s3fifo.State
    siblings: linked_list.Links
    dataset: Int32
    datasets: Int64
    fetching: Int64
    time_s: Int64
    trigger: int
    gap_s: int
    max_bytes: int


@kernel
def find(state: State, file: int, row: int) -> bool:
    """Note the request, and let S3-FIFO note a hit."""
    now, dataset = state.time_s[row], state.dataset[file]
    dataset_row = state.datasets[dataset]
    if now - dataset_row[_LAST_S] > state.gap_s:
        dataset_row[_BURST] = 0
    dataset_row[_BURST] += 1
    dataset_row[_LAST_S] = now
    if linked_list.contains(state.siblings, file):
        linked_list.unlink(state.siblings, file)
    linked_list.push_front(state.siblings, len(state.dataset) + dataset, file)
    return s3fifo.find(state.queues, file, row)


@kernel
def admit(state: State, file: int, row: int) -> bool:
    """As S3-FIFO."""
    return s3fifo.admit(state.queues, file, row)


@kernel
def insert(state: State, file: int, row: int) -> None:
    """As S3-FIFO."""
    s3fifo.insert(state.queues, file, row)


@kernel
def evict(state: State, file: int, row: int) -> int:
    """As S3-FIFO."""
    return s3fifo.evict(state.queues, file, row)


@kernel
def fetch(state: State, file: int, row: int) -> int:
    """The next requested sibling that is not cached, while this burst's fetching lasts."""
    head = len(state.dataset) + state.dataset[file]
    if state.fetching[_ROW] != row:
        if state.datasets[state.dataset[file], _BURST] < state.trigger:
            return NOTHING
        state.datasets[state.dataset[file], _BURST] = _FETCHED
        state.fetching[_NEXT] = linked_list.back(state.siblings, head)
        state.fetching[_REMAINING] = state.max_bytes
        state.fetching[_ROW] = row
    while state.fetching[_NEXT] != head:
        sibling = int(state.fetching[_NEXT])
        state.fetching[_NEXT] = linked_list.newer(state.siblings, sibling)
        size = state.queues.size[sibling]
        cached = state.queues.where[sibling] <= s3fifo.MAIN
        if not cached and size <= state.fetching[_REMAINING] and s3fifo.admit(state.queues, sibling, row):
            state.fetching[_REMAINING] -= size
            # A ghost that is fetched joins the main queue; others, which come in the same row, do not.
            state.queues.flags[0] = NOTHING
            s3fifo.find(state.queues, sibling, row)
            return sibling
    return NOTHING


serve = serve_with(find, admit, insert, evict, fetch)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class SiblingPrefetch:
    """S3-FIFO that fetches siblings after ``trigger`` requests for a dataset in a burst.

    A burst ends when nothing of the dataset is requested for ``gap_s`` seconds; in one burst at most ``max_share`` of
    the capacity is fetched.
    """

    trigger: int = 10
    gap_s: int = 6 * 3600
    max_share: float = 0.02

    name: ClassVar[str] = "sibling-prefetch"
    replay = staticmethod(replay)

    def __post_init__(self) -> None:
        if self.trigger < 1 or self.gap_s < 0 or not 0 <= self.max_share <= 1:
            raise SimulationError(
                f"sibling-prefetch has trigger {self.trigger}, gap_s {self.gap_s}, max_share {self.max_share}; "
                "need trigger >= 1, gap_s >= 0, max_share between 0 and 1"
            )

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """Empty queues, nothing requested yet."""
        if trace.dataset is None:
            dataset, max_bytes = read_only(np.zeros(trace.n_files, np.int32)), 0
        else:
            dataset, max_bytes = trace.dataset.code, int(self.max_share * capacity_bytes)
        datasets = int(dataset.max()) + 1
        return State(
            s3fifo.S3Fifo().state(trace, capacity_bytes),
            linked_list.empty_lists(trace.n_files, datasets),
            dataset,
            np.zeros((datasets, 2), np.int64),
            np.full(3, NOTHING, np.int64),
            trace.time_s,
            self.trigger,
            self.gap_s,
            max_bytes,
        )
