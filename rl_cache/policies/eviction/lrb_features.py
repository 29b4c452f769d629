"""What LRB remembers of a file: the gaps between its requests, and counts that decay at several speeds.

Song et al., "Learning relaxed Belady for content distribution network caching", NSDI 2020, section 4. Time is counted
in requests.
"""

from typing import NamedTuple

import numpy as np

from rl_cache.arrays import Float32, Float64, Int64
from rl_cache.kernels.jit import kernel

GAPS, SPEEDS = 4, 6
FEATURES = 3 + GAPS + SPEEDS
"""Size, age, requests, the last gaps, the decayed counts."""
_NO_GAP = -1.0


class LrbHistory(NamedTuple):
    """One row a file.

    Attributes:
        size: logarithm of the bytes.
        last: int64[n_files], row of the last request, -1 before the first.
        requests: int64[n_files].
        gap: float32[n_files, GAPS], logarithms, the latest first; -1 where there is none.
        decayed: float64[n_files, SPEEDS], as of the last request.
        half_life: float64[SPEEDS], in requests.
    """

    size: Float64
    last: Int64
    requests: Int64
    gap: Float32
    decayed: Float64
    half_life: Float64


def empty_history(file_size: Int64, window: int) -> LrbHistory:
    """Nothing requested yet; the slowest count halves in ``window`` requests, each other in half of the one before."""
    n_files = len(file_size)
    return LrbHistory(
        np.log(file_size.astype(np.float64)),
        np.full(n_files, -1, np.int64),
        np.zeros(n_files, np.int64),
        np.full((n_files, GAPS), _NO_GAP, np.float32),
        np.zeros((n_files, SPEEDS)),
        window * np.exp2(np.arange(1.0 - SPEEDS, 1.0)),
    )


@kernel
def record_request(history: LrbHistory, file: int, row: int) -> None:
    """The file is requested."""
    gap = row - history.last[file]
    if history.last[file] >= 0:
        for older in range(GAPS - 1, 0, -1):
            history.gap[file, older] = history.gap[file, older - 1]
        history.gap[file, 0] = np.log1p(gap)
    for speed in range(SPEEDS):
        history.decayed[file, speed] = 1.0 + history.decayed[file, speed] * 2.0 ** (-gap / history.half_life[speed])
    history.last[file] = row
    history.requests[file] += 1


@kernel
def write_features(history: LrbHistory, file: int, row: int, features: Float64) -> None:
    """Write the features of a requested file at this time into ``features``, float64[FEATURES]."""
    age = row - history.last[file]
    features[0] = history.size[file]
    features[1] = np.log1p(age)
    features[2] = np.log1p(history.requests[file])
    for gap in range(GAPS):
        features[3 + gap] = history.gap[file, gap]
    for speed in range(SPEEDS):
        decay = 2.0 ** (-age / history.half_life[speed])
        features[3 + GAPS + speed] = history.decayed[file, speed] * decay
