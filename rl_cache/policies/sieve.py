"""SIEVE: a hand walks from old files to new, spares those requested since it last came by, evicts the first other.

Zhang et al., "SIEVE is simpler than LRU", NSDI 2024. New files join at the front and files are never moved.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels import chain
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, admit_all, serving
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """A list by time of storing, who was requested since, and where the hand is (the head: at the back)."""

    links: chain.Chains
    head: int
    requested: NDArray[np.bool_]
    hand: NDArray[np.int64]


@kernel
def find(state: State, file: int, _row: int) -> bool:
    """Mark a hit."""
    if not chain.linked(state.links, file):
        return False
    state.requested[file] = True
    return True


@kernel
def insert(state: State, file: int, _row: int) -> None:
    """A new file joins unmarked."""
    state.requested[file] = False
    chain.to_front(state.links, state.head, file)


@kernel
def evict(state: State, _file: int, _row: int) -> int:
    """Move the hand to the first file without a mark; that one leaves."""
    file = state.hand[0]
    if file == state.head:
        file = chain.back(state.links, state.head)
    while state.requested[file]:
        state.requested[file] = False
        file = chain.newer(state.links, file)
        if file == state.head:
            file = chain.back(state.links, state.head)
    state.hand[0] = chain.newer(state.links, file)
    chain.unlink(state.links, file)
    return int(file)


serve = serving(find, admit_all, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class Sieve:
    """The hand of SIEVE."""

    name: ClassVar[str] = "sieve"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:  # noqa: ARG002 - part of the interface
        """An empty list, the hand at its back."""
        head = trace.n_files
        return State(chain.chains(head), head, np.zeros(head, np.bool_), np.array([head], np.int64))
