"""LRU and FIFO: evict the file whose last request, or whose storing, lies furthest back."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rl_cache.kernels import linked_list
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, admit_all, serve_with
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """One list; the file requested last (LRU) or stored last (FIFO) is at its front."""

    links: linked_list.Links
    head: int


@kernel
def find(state: State, file: int, _row: int) -> bool:
    """Move a hit to the front."""
    if not linked_list.contains(state.links, file):
        return False
    linked_list.unlink(state.links, file)
    linked_list.push_front(state.links, state.head, file)
    return True


@kernel
def insert(state: State, file: int, _row: int) -> None:
    """A new file goes to the front."""
    linked_list.push_front(state.links, state.head, file)


@kernel
def evict(state: State, _file: int, _row: int) -> int:
    """The file at the back leaves."""
    oldest = linked_list.back(state.links, state.head)
    linked_list.unlink(state.links, oldest)
    return oldest


serve = serve_with(find, admit_all, insert, evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class Lru:
    """Least recently used."""

    name: ClassVar[str] = "lru"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> State:  # noqa: ARG002 - part of the interface
        """An empty list."""
        return State(linked_list.empty_lists(trace.n_files), trace.n_files)


@kernel
def find_without_moving(state: State, file: int, _row: int) -> bool:
    """A hit changes nothing."""
    return linked_list.contains(state.links, file)


serve_fifo = serve_with(find_without_moving, admit_all, insert, evict)


@entry
def replay_fifo(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve_fifo(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class Fifo:
    """First in, first out."""

    name: ClassVar[str] = "fifo"
    replay = staticmethod(replay_fifo)

    def state(self, trace: Trace, capacity_bytes: int) -> State:
        """An empty list, the file stored last at its front."""
        return Lru().state(trace, capacity_bytes)
