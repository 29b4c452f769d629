"""Random admission: store a missing file with a fixed probability, evict as LRU does.

The baseline of every admission policy: it shows how much of a saving in written bytes comes from choosing files
and how much from storing fewer of them.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rl_cache.errors import SimulationError
from rl_cache.kernels import linked_list
from rl_cache.kernels.jit import entry, kernel
from rl_cache.kernels.request import Frame, serve_with
from rl_cache.kernels.sampling import draw
from rl_cache.policies.eviction import lru
from rl_cache.traces.trace import Trace


class State(NamedTuple):
    """LRU's list, and the coin."""

    links: linked_list.Links
    head: int
    probability: float
    seed: int


@kernel
def admit(state: State, _file: int, row: int) -> bool:
    """Toss the coin of this request."""
    return draw(state.seed, row) < state.probability


serve = serve_with(lru.find, admit, lru.insert, lru.evict)


@entry
def replay(frame: Frame, state: State, start: int, stop: int) -> None:
    """Serve requests."""
    serve(frame, state, start, stop)


@dataclass(frozen=True, slots=True)
class RandomAdmission:
    """LRU that stores a missing file with ``probability``, over 0 and at most 1, by draws of ``seed``."""

    probability: float = 0.1
    seed: int = 0

    name: ClassVar[str] = "random-admission"
    replay = staticmethod(replay)

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise SimulationError(f"probability of random admission is {self.probability}; need over 0, at most 1")

    def state(self, trace: Trace, capacity_bytes: int) -> State:  # noqa: ARG002 - part of the interface
        """An empty list."""
        return State(linked_list.empty_lists(trace.n_files), trace.n_files, float(self.probability), self.seed)
