"""LRU: evict the file whose last request lies furthest back."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rl_cache.kernels import chain
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, admit_all, serving
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """One list, the file requested last at its front."""

    links: chain.Chains
    head: int


@kernel
def find(state: State, file: int, _row: int) -> bool:
    """Move a hit to the front."""
    if not chain.linked(state.links, file):
        return False
    chain.unlink(state.links, file)
    chain.to_front(state.links, state.head, file)
    return True


@kernel
def insert(state: State, file: int, _row: int) -> None:
    """A new file goes to the front."""
    chain.to_front(state.links, state.head, file)


@kernel
def evict(state: State, _file: int, _row: int) -> int:
    """The file at the back leaves."""
    oldest = chain.back(state.links, state.head)
    chain.unlink(state.links, oldest)
    return oldest


serve = serving(find, admit_all, insert, evict)


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
        return State(chain.chains(trace.n_files), trace.n_files)
