"""Size Small: evict the smallest file."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rl_cache.kernels import heap
from rl_cache.policies import size_big
from rl_cache.traces.trace import Trace


@dataclass(frozen=True, slots=True)
class SizeSmall:
    """The smallest file leaves first."""

    name: ClassVar[str] = "size-small"
    replay = staticmethod(size_big.replay)

    def state(self, trace: Trace, capacity_bytes: int) -> size_big.State:  # noqa: ARG002 - part of the interface
        """An empty heap."""
        return size_big.State(heap.heap(trace.n_files), trace.file_size.astype(np.float64))
