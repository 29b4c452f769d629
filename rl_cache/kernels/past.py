"""What LRB remembers of a file: the gaps between its requests, and counts that decay at several speeds.

Song et al., "Learning relaxed Belady for content distribution network caching", NSDI 2020, section 4. Time is counted
in requests.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels.jit import kernel

GAPS, SPEEDS = 4, 6
FEATURES = 3 + GAPS + SPEEDS
"""Size, age, requests, the last gaps, the decayed counts."""
_UNKNOWN = -1.0


class Past(NamedTuple):
    """One row a file.

    Attributes:
        size: logarithm of the bytes.
        last: int64[n_files], row of the last request, -1 before the first.
        requests: int64[n_files].
        gap: float32[n_files, GAPS], logarithms, the latest first; -1 where there is none.
        decayed: float64[n_files, SPEEDS], as of the last request.
        half_life: float64[SPEEDS], in requests.
    """

    size: NDArray[np.float64]
    last: NDArray[np.int64]
    requests: NDArray[np.int64]
    gap: NDArray[np.float32]
    decayed: NDArray[np.float64]
    half_life: NDArray[np.float64]


def past(file_size: NDArray[np.int64], window: int) -> Past:
    """Nothing requested yet; the slowest count halves in ``window`` requests, the others each in half of that."""
    n_files = len(file_size)
    return Past(
        np.log(file_size.astype(np.float64)),
        np.full(n_files, -1, np.int64),
        np.zeros(n_files, np.int64),
        np.full((n_files, GAPS), _UNKNOWN, np.float32),
        np.zeros((n_files, SPEEDS)),
        window * np.exp2(np.arange(1.0 - SPEEDS, 1.0)),
    )


@kernel
def note(past: Past, file: int, row: int) -> None:
    """The file is requested."""
    gap = row - past.last[file]
    if past.last[file] >= 0:
        for older in range(GAPS - 1, 0, -1):
            past.gap[file, older] = past.gap[file, older - 1]
        past.gap[file, 0] = np.log1p(gap)
    for speed in range(SPEEDS):
        past.decayed[file, speed] = 1.0 + past.decayed[file, speed] * 2.0 ** (-gap / past.half_life[speed])
    past.last[file] = row
    past.requests[file] += 1


@kernel
def describe(past: Past, file: int, row: int, numbers: NDArray[np.float64]) -> None:
    """Write what is known of a requested file at this time into ``numbers``, float64[FEATURES]."""
    age = row - past.last[file]
    numbers[0] = past.size[file]
    numbers[1] = np.log1p(age)
    numbers[2] = np.log1p(past.requests[file])
    for one in range(GAPS):
        numbers[3 + one] = past.gap[file, one]
    for speed in range(SPEEDS):
        numbers[3 + GAPS + speed] = past.decayed[file, speed] * 2.0 ** (-age / past.half_life[speed])
