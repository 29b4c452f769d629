"""Several lists that a file is in one of, each with the bytes that it holds."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels import chain
from rl_cache.kernels.jit import kernel

NOWHERE = 255
"""The ``where`` of a file in no list."""


class Queued(Protocol):
    """A state with such lists.

    Attributes:
        links: list k has the head n_files + k.
        where: uint8[n_files], the list that a file is in.
        occupied: int64[lists], bytes of each.
        size: bytes of each file.
    """

    @property
    def links(self) -> chain.Chains: ...  # noqa: D102 - see above
    @property
    def where(self) -> NDArray[np.uint8]: ...  # noqa: D102
    @property
    def occupied(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def size(self) -> NDArray[np.int64]: ...  # noqa: D102


@kernel
def join(state: Queued, where: int, file: int) -> None:
    """Put a file that is nowhere at the front of a list."""
    chain.to_front(state.links, len(state.size) + where, file)
    state.where[file] = where
    state.occupied[where] += state.size[file]


@kernel
def leave(state: Queued, file: int) -> None:
    """Take a file out of its list."""
    chain.unlink(state.links, file)
    state.occupied[state.where[file]] -= state.size[file]
    state.where[file] = NOWHERE


@kernel
def oldest(state: Queued, where: int) -> int:
    """The file at the back of a list."""
    return chain.back(state.links, len(state.size) + where)
