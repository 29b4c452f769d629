"""When faults happen in a random plan, and of which kind they are."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

Kind = TypeVar("Kind")


def slots(
    rng: np.random.Generator, kinds: Sequence[Kind], lumisections: int, count: int, length: int
) -> Iterator[tuple[Kind, int, int]]:
    """Kind, first and last place of each of ``count`` faults, ``length`` lumisections long (less where time is short).

    Time is cut into ``count`` slots; a fault starts at a random place of its slot's first half and never reaches into
    the next. Kinds take turns in random order. Each start is drawn when it is asked for.

    Raises:
        ValueError: fewer than two lumisections for each fault.
    """
    if lumisections < 2 * count:
        raise ValueError(f"{count} faults need at least {2 * count} lumisections, got {lumisections}")
    order = [kinds[int(index)] for _ in range(count // len(kinds) + 1) for index in rng.permutation(len(kinds))]
    for number, kind in enumerate(order[:count]):
        first, after = number * lumisections // count, (number + 1) * lumisections // count
        start = first + int(rng.integers((after - first) // 2))
        yield kind, start, min(start + length, after) - 1
