"""Doubly linked lists of files in one flat array, so that moving a file costs no allocation.

Row f < n_files is file f, row n_files + k the head of list k; column 0 is the neighbour towards the
front (newer), column 1 towards the back (older). A list is a ring through its head. A file is in one list at most, and
in none where its row is -1.

Policies with several queues also keep the queue of each file and the bytes in each queue (:class:`QueueState`).
"""

from typing import Protocol

import numpy as np

from rl_cache.arrays import Int32, Int64, Mask, UInt8
from rl_cache.errors import SimulationError
from rl_cache.kernels.jit import kernel

Links = Int32
"""Shape (n_files + number of lists, 2)."""
NOWHERE = 255
"""The ``where`` of a file in no list."""


def empty_lists(n_files: int, lists: int = 1) -> Links:
    """``lists`` empty lists for these files."""
    if n_files + lists > np.iinfo(np.int32).max:
        raise SimulationError(f"{n_files} files are more than a simulation can hold; split the trace")
    links = np.full((n_files + lists, 2), -1, np.int32)
    heads = np.arange(n_files, n_files + lists, dtype=np.int32)
    links[n_files:] = heads[:, None]
    return links


@kernel
def contains(links: Links, file: int) -> bool:
    """Whether the file is in any list."""
    return bool(links[file, 0] >= 0)


def contained(links: Links, n_files: int) -> Mask:
    """The same for each file at once, outside of compiled code."""
    in_list: Mask = links[:n_files, 0] >= 0
    return in_list


@kernel
def unlink(links: Links, file: int) -> None:
    """Take a file out of its list."""
    newer, older = links[file, 0], links[file, 1]
    links[newer, 1] = older
    links[older, 0] = newer
    links[file, 0] = -1
    links[file, 1] = -1


@kernel
def push_front(links: Links, head: int, file: int) -> None:
    """Put a file that is in no list at the front of the list with this head."""
    first = links[head, 1]
    links[file, 0] = head
    links[file, 1] = first
    links[first, 0] = file
    links[head, 1] = file


@kernel
def back(links: Links, head: int) -> int:
    """The file at the back; the head itself where the list is empty."""
    return int(links[head, 0])


@kernel
def newer(links: Links, file: int) -> int:
    """The neighbour towards the front; the head where there is none."""
    return int(links[file, 0])


@kernel
def older(links: Links, file: int) -> int:
    """The neighbour towards the back; the head where there is none. Of the head: the file at the front."""
    return int(links[file, 1])


class QueueState(Protocol):
    """The state of a policy with several queues.

    Attributes:
        links: queue k has the head n_files + k.
        where: uint8[n_files], the queue that a file is in.
        occupied: int64[queues], bytes of each.
        size: bytes of each file.
    """

    @property
    def links(self) -> Links: ...  # noqa: D102 - see above
    @property
    def where(self) -> UInt8: ...  # noqa: D102
    @property
    def occupied(self) -> Int64: ...  # noqa: D102
    @property
    def size(self) -> Int64: ...  # noqa: D102


@kernel
def enqueue(state: QueueState, where: int, file: int) -> None:
    """Put a file that is nowhere at the front of a queue."""
    push_front(state.links, len(state.size) + where, file)
    state.where[file] = where
    state.occupied[where] += state.size[file]


@kernel
def dequeue(state: QueueState, file: int) -> None:
    """Take a file out of its queue."""
    unlink(state.links, file)
    state.occupied[state.where[file]] -= state.size[file]
    state.where[file] = NOWHERE


@kernel
def oldest(state: QueueState, where: int) -> int:
    """The file at the back of a queue."""
    return back(state.links, len(state.size) + where)
