"""What a cache can remember of the requests it has seen: per file, per dataset, per data tier. Only the past.

Times become comparable between caches by dividing them by the turnover: how long it takes until as many bytes as the
cache holds have been requested. A trace without datasets is one dataset, without tiers one tier.
"""

from typing import NamedTuple

import numpy as np

from rl_cache.arrays import Float64, Int64
from rl_cache.kernels.approximations import exp, log
from rl_cache.kernels.jit import kernel
from rl_cache.kernels.run_features import RUN_FEATURES, write_run_features
from rl_cache.kernels.runs import RunHistory, empty_runs, is_known, record_read
from rl_cache.traces.trace import Trace, read_only

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
    "turnover: logarithm of its days",
    *RUN_FEATURES,
)
"""The numbers that :func:`write_features` writes, all of the order of 1; times in turnovers, mostly as logarithms."""

OF_DATASETS = (4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17, 18)
"""Which of them look at a file's siblings; the others are of the file, of its tier and of the whole cache."""

OF_RUNS = tuple(range(len(FEATURES) - len(RUN_FEATURES), len(FEATURES)))
"""Which look at who reads."""

LAST_S, COUNT, LOG_COUNT, LOG_GAP, SIBLINGS_AT, LOG_SIZE, DATASET, TIER = range(8)
D_LAST_S, D_COUNT, D_FILES, D_CACHED, D_BURST, D_RATE, D_FIRST_S, D_GAP, D_FREQUENCY, D_REUSE, D_SEEN_GAP = range(11)
D_LOG_FREQUENCY, D_LOG_FILES = range(11, 13)
TURNOVER_S, TOTAL_BYTES, REUSE, LOG_MEAN_BYTES = range(4)
_SOON = 1e-3
_BURSTS = 20
"""A burst lasts this part of a turnover."""
_NO_GAP = 3.0
"""Logarithm of a gap of twenty turnovers, in place of one that was never seen."""
_EVERY = 256
_BEFORE_RUNS = OF_RUNS[0]


class RequestHistory(NamedTuple):
    """Tables of what was requested.

    Attributes:
        time_s: of each request; only rows up to the present one are read.
        size: bytes of each file.
        files: float64[n_files, 8], a cache line each: last request, requests, their logarithm, logarithm of the last
            gap in turnovers, the dataset's count at that time, logarithm of the size, numbers of dataset and tier.
        datasets: float64[datasets, 13], see the names D_.
        tiers: float64[tiers], share of repeated requests.
        total: float64[4]: turnover in seconds, bytes requested, share of repeated requests, logarithm of the mean
            bytes of a request.
        capacity: bytes of the cache.
        runs: who reads what.
    """

    time_s: Int64
    size: Int64
    files: Float64
    datasets: Float64
    tiers: Float64
    total: Float64
    capacity: int
    runs: RunHistory


def empty_history(trace: Trace, capacity_bytes: int) -> RequestHistory:
    """Nothing seen yet."""
    nothing = read_only(np.zeros(trace.n_files, np.int32))
    dataset = nothing if trace.dataset is None else trace.dataset.code
    tier = nothing if trace.tier is None else trace.tier.code
    files = np.zeros((trace.n_files, 8))
    files[:, LOG_GAP], files[:, LOG_SIZE] = _NO_GAP, np.log(trace.file_size)
    files[:, DATASET], files[:, TIER] = dataset, tier
    total = np.array([86_400.0, 0.0, 0.5, 0.0])
    datasets, tiers = np.zeros((int(dataset.max()) + 1, 13)), np.full(int(tier.max()) + 1, 0.5)
    runs = empty_runs(trace, len(datasets))
    return RequestHistory(trace.time_s, trace.file_size, files, datasets, tiers, total, capacity_bytes, runs)


@kernel
def record_request(history: RequestHistory, file: int, row: int) -> None:
    """Take in the request of this row."""
    now = float(history.time_s[row])
    file_row, total = history.files[file], history.total
    dataset_row, tier = history.datasets[int(file_row[DATASET])], int(file_row[TIER])
    repeated = 1.0 if file_row[COUNT] > 0 else 0.0
    total[TOTAL_BYTES] += history.size[file]
    total[LOG_MEAN_BYTES] = log(total[TOTAL_BYTES] / (row + 1))
    if row % _EVERY == 0 and row > 0:
        lasted = max(now - history.time_s[0], 1.0)
        total[TURNOVER_S] = max(history.capacity * lasted / total[TOTAL_BYTES], 60.0)
    if file_row[COUNT] == 0:
        _record_new_file(dataset_row, now, total[REUSE])
    else:
        file_row[LOG_GAP] = log((now - file_row[LAST_S]) / total[TURNOVER_S] + _SOON)
        _learn_gap(dataset_row, file_row[LOG_GAP], file_row[LOG_COUNT])
    remains = exp(-(now - dataset_row[D_LAST_S]) / total[TURNOVER_S])
    dataset_row[D_BURST] = dataset_row[D_BURST] * remains**_BURSTS + 1.0
    dataset_row[D_RATE] = dataset_row[D_RATE] * remains + 1.0
    dataset_row[D_LAST_S] = now
    dataset_row[D_COUNT] += 1.0
    dataset_row[D_LOG_FREQUENCY] = log(dataset_row[D_COUNT] / dataset_row[D_FILES])
    dataset_row[D_REUSE] += 0.05 * (repeated - dataset_row[D_REUSE])
    history.tiers[tier] += 0.002 * (repeated - history.tiers[tier])
    total[REUSE] += 0.001 * (repeated - total[REUSE])
    file_row[COUNT] += 1.0
    file_row[LOG_COUNT] = log(file_row[COUNT])
    file_row[LAST_S] = now
    file_row[SIBLINGS_AT] = dataset_row[D_COUNT]
    if is_known(history.runs):
        record_read(history.runs, file, int(file_row[DATASET]), now, row)


@kernel
def _record_new_file(dataset_row: Float64, now: float, reuse: float) -> None:
    """A file that was never seen, perhaps of a dataset that was never seen."""
    if dataset_row[D_FILES] == 0:
        dataset_row[D_FIRST_S] = now
        dataset_row[D_LAST_S] = now
        dataset_row[D_REUSE] = reuse
    dataset_row[D_FILES] += 1.0
    dataset_row[D_LOG_FILES] = log(dataset_row[D_FILES])


@kernel
def _learn_gap(dataset_row: Float64, log_gap: float, log_count: float) -> None:
    """After which time, and after how many requests, files of this dataset have lately come back."""
    dataset_row[D_GAP] += log_gap if dataset_row[D_SEEN_GAP] == 0 else 0.2 * (log_gap - dataset_row[D_GAP])
    dataset_row[D_FREQUENCY] += 0.2 * (log_count - dataset_row[D_FREQUENCY])
    dataset_row[D_SEEN_GAP] = 1.0


@kernel
def record_cached(history: RequestHistory, file: int, by: int) -> None:
    """The file has entered (+1) or left (-1) the cache."""
    history.datasets[int(history.files[file, DATASET]), D_CACHED] += by


@kernel
def write_features(history: RequestHistory, file: int, row: int, into: Float64) -> None:
    """Write :data:`FEATURES` of a file that was requested before, as they are at this row."""
    now, turnover = float(history.time_s[row]), history.total[TURNOVER_S]
    file_row = history.files[file]
    dataset_row = history.datasets[int(file_row[DATASET])]
    recency = log((now - file_row[LAST_S]) / turnover + _SOON)
    frequency = file_row[LOG_COUNT]
    into[0] = 0.3 * recency + 0.6
    into[1] = 0.7 * frequency - 0.3
    into[2] = 0.5 * (file_row[LOG_SIZE] - history.total[LOG_MEAN_BYTES])
    into[3] = 0.3 * file_row[LOG_GAP] + 0.6
    into[11] = 2.0 * history.tiers[int(file_row[TIER])] - 1.0
    into[12] = 1.0 if file_row[COUNT] == 1 else 0.0
    into[19] = history.total[REUSE]
    into[20] = 0.5 * log(turnover / 86_400.0)
    burst = _dataset_features(dataset_row, now, turnover, into)
    _sibling_features(dataset_row, file_row, recency, frequency, burst, into)
    dataset, n_files = int(file_row[DATASET]), dataset_row[D_FILES]
    write_run_features(history.runs, file, dataset, n_files, now, turnover, into[_BEFORE_RUNS:])


@kernel
def _dataset_features(dataset_row: Float64, now: float, turnover: float, into: Float64) -> float:
    """Write what is the same for all siblings; how many of them were requested in the present burst."""
    quiet = (now - dataset_row[D_LAST_S]) / turnover
    into[4] = 0.3 * log(quiet + _SOON) + 1.0
    remains = exp(-quiet)
    burst = dataset_row[D_BURST] * remains**_BURSTS
    into[5] = 0.4 * log(1.0 + burst) - 0.4
    into[6] = log(1.0 + dataset_row[D_RATE] * remains / dataset_row[D_FILES])
    into[7] = dataset_row[D_CACHED] / dataset_row[D_FILES] - 0.5
    into[9] = 0.6 * dataset_row[D_LOG_FREQUENCY]
    into[10] = 0.3 * log((now - dataset_row[D_FIRST_S]) / turnover + 0.01)
    into[13] = 0.25 * dataset_row[D_LOG_FILES] - 1.0
    into[15] = 2.0 * dataset_row[D_REUSE] - 1.0
    return float(burst)


@kernel
def _sibling_features(
    dataset_row: Float64, file_row: Float64, recency: float, frequency: float, burst: float, into: Float64
) -> None:
    """How the file stands among its siblings."""
    since = (dataset_row[D_COUNT] - file_row[SIBLINGS_AT]) / dataset_row[D_FILES]
    late = recency - dataset_row[D_GAP]
    into[8] = 0.4 * log(since + 0.02) + 0.5
    into[14] = exp(-2.0 * late * late) * dataset_row[D_SEEN_GAP]
    into[16] = frequency - dataset_row[D_FREQUENCY]
    into[17] = log(1.0 + burst / dataset_row[D_FILES]) * min(since, 2.0)
    into[18] = 0.5 * min(max(late, -3.0), 3.0)
