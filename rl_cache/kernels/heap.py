"""A heap of files whose keys may change, and the control flow of policies that rank their files by such a key.

Files with equal keys leave in the order of a second number (usually the row of their last request). Keys lie
beside the files in heap order, so that comparing needs no look-up by file.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rl_cache.arrays import Float64, Int32, Int64
from rl_cache.kernels.jit import kernel
from rl_cache.kernels.request import Evict, Serve, admit_all, serve_with


class Heap(NamedTuple):
    """A binary heap in flat arrays.

    Attributes:
        file: int32[n_files], files in heap order, the first ``length[0]`` count.
        key: float64[n_files], their keys.
        order: int64[n_files], which of two equal keys goes first: the lower.
        place: int32[n_files], position of a file in the heap, -1 if it is not there.
        length: int64[1].
    """

    file: Int32
    key: Float64
    order: Int64
    place: Int32
    length: Int64


def empty_heap(n_files: int) -> Heap:
    """An empty heap for these files."""
    return Heap(
        np.zeros(n_files, np.int32),
        np.zeros(n_files),
        np.zeros(n_files, np.int64),
        np.full(n_files, -1, np.int32),
        np.zeros(1, np.int64),
    )


@kernel
def contains(heap: Heap, file: int) -> bool:
    """Whether the file is in the heap."""
    return bool(heap.place[file] >= 0)


@kernel
def _put(heap: Heap, place: int, file: int, key: float, order: int) -> None:
    heap.file[place] = file
    heap.key[place] = key
    heap.order[place] = order
    heap.place[file] = place


@kernel
def _precedes(heap: Heap, place: int, key: float, order: int) -> bool:
    """Whether what stands here goes before (key, order)."""
    return bool(heap.key[place] < key or (heap.key[place] == key and heap.order[place] < order))


@kernel
def _rise(heap: Heap, place: int, key: float, order: int) -> int:
    """The place for (key, order) at or above ``place``; what it passes moves down."""
    while place > 0:
        parent = (place - 1) >> 1
        if heap.key[parent] < key or (heap.key[parent] == key and heap.order[parent] <= order):
            break
        _put(heap, place, heap.file[parent], heap.key[parent], heap.order[parent])
        place = parent
    return place


@kernel
def _sink(heap: Heap, place: int, key: float, order: int) -> int:
    """The place for (key, order) at or below ``place``; what it passes moves up."""
    length = heap.length[0]
    while True:
        child = 2 * place + 1
        if child >= length:
            return place
        if child + 1 < length and _precedes(heap, child + 1, heap.key[child], heap.order[child]):
            child += 1
        if not _precedes(heap, child, key, order):
            return place
        _put(heap, place, heap.file[child], heap.key[child], heap.order[child])
        place = child


@kernel
def push(heap: Heap, file: int, key: float, order: int) -> None:
    """Add a file that is not in the heap."""
    heap.length[0] += 1
    _put(heap, _rise(heap, heap.length[0] - 1, key, order), file, key, order)


@kernel
def change(heap: Heap, file: int, key: float, order: int) -> None:
    """Give a file in the heap a new key."""
    place = _rise(heap, heap.place[file], key, order)
    _put(heap, _sink(heap, place, key, order), file, key, order)


@kernel
def pop(heap: Heap) -> int:
    """Take out the file with the lowest key."""
    lowest = heap.file[0]
    heap.length[0] -= 1
    last = heap.length[0]
    heap.place[lowest] = -1
    if last > 0:
        file, key, order = heap.file[last], heap.key[last], heap.order[last]
        _put(heap, _sink(heap, 0, key, order), file, key, order)
    return int(lowest)


Key = Callable[[Any, int, int], float]
"""``key(state, file, row)``; may note the request in the state."""


@kernel
def evict_lowest(state: Any, _file: int, _row: int) -> int:
    """The file with the lowest key leaves; of equal ones, the one requested least recently."""
    return pop(state.heap)


def rank_by(hit: Key, stored: Key, evict: Evict = evict_lowest) -> Serve:
    """The control flow of a policy whose state has a field ``heap``: ``hit`` and ``stored`` give a file's key."""

    @kernel
    def find(state: Any, file: int, row: int) -> bool:
        if not contains(state.heap, file):
            return False
        change(state.heap, file, hit(state, file, row), row)
        return True

    @kernel
    def insert(state: Any, file: int, row: int) -> None:
        push(state.heap, file, stored(state, file, row), row)

    return serve_with(find, admit_all, insert, evict)
