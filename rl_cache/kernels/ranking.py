"""The control flow of policies that rank their files: each has a key in a heap, and the lowest one leaves.

A policy's state is a NamedTuple with the field ``heap``. It supplies the key that a file gets when it is hit and when
it is stored; both may note the request in the state.
"""

from collections.abc import Callable
from typing import Any

from rl_cache.kernels import heap
from rl_cache.kernels.jit import kernel
from rl_cache.kernels.request import Evict, Serve, admit_all, serving

Key = Callable[[Any, int, int], float]


@kernel
def lowest(state: Any, _file: int, _row: int) -> int:
    """The file with the lowest key leaves, of equal ones that requested least recently."""
    return heap.pop(state.heap)


def ranking(hit: Key, stored: Key, evict: Evict = lowest) -> Serve:
    """The control flow with a policy's keys built in."""

    @kernel
    def find(state: Any, file: int, row: int) -> bool:
        if not heap.holds(state.heap, file):
            return False
        heap.change(state.heap, file, hit(state, file, row), row)
        return True

    @kernel
    def insert(state: Any, file: int, row: int) -> None:
        heap.push(state.heap, file, stored(state, file, row), row)

    return serving(find, admit_all, insert, evict)
