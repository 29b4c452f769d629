"""Doubly linked lists of files in one flat array, so that moving a file costs no allocation.

Row f < n_files is file f, row n_files + k the head of list k; column 0 is the neighbour towards the
front (newer), column 1 towards the back (older). A list is a ring through its head. A file is in one list at most, and
in none where its row is -1.
"""

import numpy as np
from numpy.typing import NDArray

from rl_cache.errors import SimulationError
from rl_cache.kernels.jit import kernel

Chains = NDArray[np.int32]
"""Shape (n_files + number of lists, 2)."""


def chains(n_files: int, lists: int = 1) -> Chains:
    """``lists`` empty lists for these files."""
    if n_files + lists > np.iinfo(np.int32).max:
        raise SimulationError(f"{n_files} files are more than a simulation can hold; split the trace")
    links = np.full((n_files + lists, 2), -1, np.int32)
    heads = np.arange(n_files, n_files + lists, dtype=np.int32)
    links[n_files:] = heads[:, None]
    return links


@kernel
def linked(links: Chains, file: int) -> bool:
    """Whether the file is in any list."""
    return bool(links[file, 0] >= 0)


@kernel
def unlink(links: Chains, file: int) -> None:
    """Take a file out of its list."""
    newer, older = links[file, 0], links[file, 1]
    links[newer, 1] = older
    links[older, 0] = newer
    links[file, 0] = -1
    links[file, 1] = -1


@kernel
def to_front(links: Chains, head: int, file: int) -> None:
    """Put a file that is in no list at the front of the list with this head."""
    first = links[head, 1]
    links[file, 0] = head
    links[file, 1] = first
    links[first, 0] = file
    links[head, 1] = file


@kernel
def back(links: Chains, head: int) -> int:
    """The file at the back; the head itself where the list is empty."""
    return int(links[head, 0])


@kernel
def newer(links: Chains, file: int) -> int:
    """The neighbour towards the front; the head where there is none."""
    return int(links[file, 0])
