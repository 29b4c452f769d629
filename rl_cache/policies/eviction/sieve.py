"""SIEVE: a hand walks from old files to new, spares those requested since it last came by, evicts the first other.

Zhang et al., "SIEVE is simpler than LRU", NSDI 2024. New files join at the front and files are never moved.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from rl_cache.arrays import Int64, Mask
from rl_cache.kernels import linked_list
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, admit_all, serve_with
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """A list by time of storing, who was requested since, and where the hand is (the head: at the back)."""

    links: linked_list.Links
    head: int
    requested: Mask
    hand: Int64


@kernel
def find(state: State, file: int, _row: int) -> bool:
    """Mark a hit."""
    if not linked_list.contains(state.links, file):
        return False
    state.requested[file] = True
    return True


@kernel
def insert(state: State, file: int, _row: int) -> None:
    """A new file joins unmarked."""
    state.requested[file] = False
    linked_list.push_front(state.links, state.head, file)


@kernel
def evict(state: State, _file: int, _row: int) -> int:
    """Move the hand to the first file without a mark; that one leaves."""
    file = state.hand[0]
    if file == state.head:
        file = linked_list.back(state.links, state.head)
    while state.requested[file]:
        state.requested[file] = False
        file = linked_list.newer(state.links, file)
        if file == state.head:
            file = linked_list.back(state.links, state.head)
    state.hand[0] = linked_list.newer(state.links, file)
    linked_list.unlink(state.links, file)
    return int(file)


serve = serve_with(find, admit_all, insert, evict)


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
        return State(linked_list.empty_lists(head), head, np.zeros(head, np.bool_), np.array([head], np.int64))
