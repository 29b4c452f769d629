"""What a policy has to offer to the simulator."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from rl_cache.arrays import Int64
from rl_cache.kernels.request import Frame
from rl_cache.traces.trace import Trace


class Policy(Protocol):
    """A policy: parameters, the state that they start with, and the compiled replay over that state."""

    @property
    def name(self) -> str:
        """As the registry and tables call it."""

    @property
    def replay(self) -> Callable[[Frame, Any, int, int], None]:
        """Serve the requests of rows start to stop."""

    def state(self, trace: Trace, capacity_bytes: int) -> Any:
        """The state of an empty cache: a NamedTuple of arrays and numbers. Must not look at what is requested when."""


@runtime_checkable
class Learner(Protocol):
    """A policy that wants to look at its state between requests, to train outside of compiled code."""

    @property
    def pause_every(self) -> int:
        """Requests from one pause to the next, counted from the beginning of the trace."""

    def pause(self, state: Any) -> None:
        """Change the state's arrays in place."""


@runtime_checkable
class Resumable(Protocol):
    """A policy whose cache is described by its files in their order, so that a simulation can be resumed."""

    def restore(self, state: Any, files: Int64) -> None:
        """Store these files, in the order of :meth:`cached_files`, in the state of an empty cache."""

    def cached_files(self, state: Any) -> Int64:
        """The files in the cache."""
