"""FIFO: evict the file that was stored first."""

from dataclasses import dataclass
from typing import ClassVar

from rl_cache.kernels import chain
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, admit_all, serving
from rl_cache.policies import lru
from rl_cache.traces.trace import Trace


@kernel
def find(state: lru.State, file: int, _row: int) -> bool:
    """A hit changes nothing."""
    return chain.linked(state.links, file)


serve = serving(find, admit_all, lru.insert, lru.evict)


@entry
def replay(frame: Frame, state: lru.State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class Fifo:
    """First in, first out."""

    name: ClassVar[str] = "fifo"
    replay = staticmethod(replay)

    def state(self, trace: Trace, capacity_bytes: int) -> lru.State:
        """An empty list, the file stored last at its front."""
        return lru.Lru().state(trace, capacity_bytes)
