"""What a cache can remember of the requests it has seen: per file, per dataset, per data tier. Only the past.

Times become comparable between caches by dividing them by the turnover: how long it takes until as many bytes as the
cache holds have been requested. A trace without datasets is one dataset, without tiers one tier.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cache.kernels.jit import kernel
from rl_cache.traces.trace import Trace, read_only

Floats = NDArray[np.float64]

FEATURES = (
    "recency: time since the file's last request",
    "frequency: requests for the file",
    "size: bytes, relative to the mean request",
    "last gap: time between the file's last two requests",
    "dataset recency: time since a sibling's last request",
    "dataset burst: requests for siblings within a twentieth of the turnover",
    "dataset rate: requests per sibling within the turnover",
    "siblings cached: share of the dataset's known files in the cache",
    "siblings since: requests for siblings since the file's own last one, per sibling",
    "dataset frequency: requests per sibling",
    "dataset age: time since the dataset's first request",
    "tier reuse: share of the tier's requests that are repeated ones",
    "read once",
    "dataset files: how many are known",
    "due: whether siblings came back after just such a time",
    "dataset reuse: share of the dataset's requests that are repeated ones",
    "frequency relative to that of siblings requested lately",
    "passed over: siblings are requested in a burst, this file is not",
    "recency relative to the siblings' last gaps",
    "reuse: share of all requests that are repeated ones",
)
"""The numbers that :func:`features` writes, all of the order of 1; times in turnovers, mostly as logarithms."""

OF_DATASETS = (4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17, 18)
"""Which of them look at a file's siblings; the others are of the file, of its tier and of the whole cache."""

LAST_S, COUNT, GAP_S, SIBLINGS_AT = range(4)
D_LAST_S, D_COUNT, D_FILES, D_CACHED, D_BURST, D_RATE, D_FIRST_S, D_GAP, D_FREQUENCY, D_REUSE, D_SEEN_GAP = range(11)
TURNOVER_S, TOTAL_BYTES, REUSE, MEAN_BYTES = range(4)
_SOON = 1e-3
_BURST = 0.05
_EVERY = 256


class History(NamedTuple):
    """Tables of what was seen.

    Attributes:
        time_s: of each request; only rows up to the present one are read.
        size: bytes of each file.
        dataset: of each file.
        tier: of each file.
        files: float64[n_files, 4]: last request, requests, last gap (-1: none), the dataset's count at that time.
        datasets: float64[datasets, 11], see the names D_.
        tiers: float64[tiers], share of repeated requests.
        total: float64[4]: turnover in seconds, bytes requested, share of repeated requests, mean bytes of a request.
        capacity: bytes of the cache.
    """

    time_s: NDArray[np.int64]
    size: NDArray[np.int64]
    dataset: NDArray[np.int32]
    tier: NDArray[np.int32]
    files: Floats
    datasets: Floats
    tiers: Floats
    total: Floats
    capacity: int


def history(trace: Trace, capacity_bytes: int) -> History:
    """Nothing seen yet."""
    nothing = read_only(np.zeros(trace.n_files, np.int32))
    dataset = nothing if trace.dataset is None else trace.dataset.code
    tier = nothing if trace.tier is None else trace.tier.code
    files = np.zeros((trace.n_files, 4))
    files[:, GAP_S] = -1.0
    total = np.array([86_400.0, 0.0, 0.5, 1.0])
    datasets, tiers = np.zeros((int(dataset.max()) + 1, 11)), np.full(int(tier.max()) + 1, 0.5)
    return History(trace.time_s, trace.file_size, dataset, tier, files, datasets, tiers, total, capacity_bytes)


@kernel
def note(seen: History, file: int, row: int) -> None:
    """Take in the request of this row."""
    now = float(seen.time_s[row])
    known, siblings, total = seen.files[file], seen.datasets[seen.dataset[file]], seen.total
    repeated = 1.0 if known[COUNT] > 0 else 0.0
    total[TOTAL_BYTES] += seen.size[file]
    total[MEAN_BYTES] = total[TOTAL_BYTES] / (row + 1)
    if row % _EVERY == 0 and row > 0:
        lasted = max(now - seen.time_s[0], 1.0)
        total[TURNOVER_S] = max(seen.capacity * lasted / total[TOTAL_BYTES], 60.0)
    if known[COUNT] == 0:
        _meet(siblings, now, total[REUSE])
    else:
        known[GAP_S] = now - known[LAST_S]
        _learn_gap(siblings, np.log(known[GAP_S] / total[TURNOVER_S] + _SOON), np.log(known[COUNT]))
    quiet = (now - siblings[D_LAST_S]) / total[TURNOVER_S]
    siblings[D_BURST] = siblings[D_BURST] * np.exp(-quiet / _BURST) + 1.0
    siblings[D_RATE] = siblings[D_RATE] * np.exp(-quiet) + 1.0
    siblings[D_LAST_S] = now
    siblings[D_COUNT] += 1.0
    siblings[D_REUSE] += 0.05 * (repeated - siblings[D_REUSE])
    seen.tiers[seen.tier[file]] += 0.002 * (repeated - seen.tiers[seen.tier[file]])
    total[REUSE] += 0.001 * (repeated - total[REUSE])
    known[COUNT] += 1.0
    known[LAST_S] = now
    known[SIBLINGS_AT] = siblings[D_COUNT]


@kernel
def _meet(siblings: Floats, now: float, reuse: float) -> None:
    """A file that was never seen, perhaps of a dataset that was never seen."""
    if siblings[D_FILES] == 0:
        siblings[D_FIRST_S] = now
        siblings[D_LAST_S] = now
        siblings[D_REUSE] = reuse
    siblings[D_FILES] += 1.0


@kernel
def _learn_gap(siblings: Floats, log_gap: float, log_count: float) -> None:
    """After which time, and after how many requests, files of this dataset have lately come back."""
    siblings[D_GAP] += log_gap if siblings[D_SEEN_GAP] == 0 else 0.2 * (log_gap - siblings[D_GAP])
    siblings[D_FREQUENCY] += 0.2 * (log_count - siblings[D_FREQUENCY])
    siblings[D_SEEN_GAP] = 1.0


@kernel
def cached(seen: History, file: int, by: int) -> None:
    """The file has entered (+1) or left (-1) the cache."""
    seen.datasets[seen.dataset[file], D_CACHED] += by


@kernel
def features(seen: History, file: int, row: int, into: Floats) -> None:
    """Write :data:`FEATURES` of a file that was requested before, as they are at this row."""
    now, turnover = float(seen.time_s[row]), seen.total[TURNOVER_S]
    known, siblings = seen.files[file], seen.datasets[seen.dataset[file]]
    recency = np.log((now - known[LAST_S]) / turnover + _SOON)
    frequency = np.log(known[COUNT])
    into[0] = 0.3 * recency + 0.6
    into[1] = 0.7 * frequency - 0.3
    into[2] = 0.5 * np.log(seen.size[file] / seen.total[MEAN_BYTES])
    into[3] = 0.3 * np.log(known[GAP_S] / turnover + _SOON) + 0.6 if known[GAP_S] >= 0 else 1.5
    into[11] = 2.0 * seen.tiers[seen.tier[file]] - 1.0
    into[12] = 1.0 if known[COUNT] == 1 else 0.0
    into[19] = seen.total[REUSE]
    _dataset_features(siblings, now, turnover, into)
    _sibling_features(siblings, known, recency, frequency, into)


@kernel
def _dataset_features(siblings: Floats, now: float, turnover: float, into: Floats) -> None:
    quiet = (now - siblings[D_LAST_S]) / turnover
    into[4] = 0.3 * np.log(quiet + _SOON) + 1.0
    into[5] = 0.4 * np.log1p(siblings[D_BURST] * np.exp(-quiet / _BURST)) - 0.4
    into[6] = np.log1p(siblings[D_RATE] * np.exp(-quiet) / siblings[D_FILES])
    into[7] = siblings[D_CACHED] / siblings[D_FILES] - 0.5
    into[9] = 0.6 * np.log(siblings[D_COUNT] / siblings[D_FILES])
    into[10] = 0.3 * np.log((now - siblings[D_FIRST_S]) / turnover + 0.01)
    into[13] = 0.25 * np.log(siblings[D_FILES]) - 1.0
    into[15] = 2.0 * siblings[D_REUSE] - 1.0


@kernel
def _sibling_features(siblings: Floats, known: Floats, recency: float, frequency: float, into: Floats) -> None:
    """How the file stands among its siblings; reads ``into[5]``, the burst."""
    since = (siblings[D_COUNT] - known[SIBLINGS_AT]) / siblings[D_FILES]
    late = recency - siblings[D_GAP]
    burst = np.expm1((into[5] + 0.4) / 0.4)
    into[8] = 0.4 * np.log(since + 0.02) + 0.5
    into[14] = np.exp(-2.0 * late * late) * siblings[D_SEEN_GAP]
    into[16] = frequency - siblings[D_FREQUENCY]
    into[17] = np.log1p(burst / siblings[D_FILES]) * min(since, 2.0)
    into[18] = 0.5 * min(max(late, -3.0), 3.0)
