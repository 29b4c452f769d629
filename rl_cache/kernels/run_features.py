"""What runs of tasks tell about when a file is requested again; all zeros where the trace does not say who reads."""

from rl_cache.arrays import Float64
from rl_cache.kernels.approximations import exp, log
from rl_cache.kernels.jit import kernel
from rl_cache.kernels.runs import (
    AGAIN,
    BEFORE,
    LAST_S,
    NO_RUN,
    OF_BEFORE,
    READ,
    READER,
    REMEMBERED,
    RUNNING,
    STARTED,
    RunHistory,
    gap_s,
    is_known,
    is_of_run,
    place_of,
    readers,
)

RUN_FEATURES = (
    "readers expected: runs that have not read the file, by how likely they still will",
    "likeliest reader: the greatest of these probabilities",
    "soonest reader: when that run will have come to the file",
    "its progress: share of the dataset that it has read",
    "readers: runs that have read the file",
    "runs going on in the dataset",
    "last reader: files that it has read of the dataset",
    "last reader runs: whether the last run to read the file goes on",
    "reader unknown: the last request was outside of tasks",
    "readers are known in this trace",
)
"""The numbers that :func:`write_run_features` writes."""

_WHOLE = 0.6
"""How likely a run reads a file of its dataset, before anything is known."""
_PATIENCE = 4.0
_SOON = 1e-3


@kernel
def write_run_features(
    history: RunHistory, file: int, dataset: int, n_files: float, now: float, turnover: float, into: Float64
) -> None:
    """Write :data:`RUN_FEATURES` of a file of a dataset of which ``n_files`` are known."""
    into[:] = 0.0
    if not is_known(history):
        return
    started, running = history.datasets[dataset, STARTED], history.datasets[dataset, RUNNING]
    bits = readers(history, file, dataset)
    expected, most, soonest, progress = 0.0, 0.0, 3.0, 0.0
    pending, run, n_running = running, started - 1, 0
    while pending:
        if pending & 1:
            n_running += 1
            run_row = history.runs[place_of(dataset, run)]
            if not bits & (1 << (started - 1 - run)):
                gap = gap_s(run_row)
                going = exp((run_row[LAST_S] - now) / (_PATIENCE * gap))
                again = (run_row[AGAIN] + 0.5) / (run_row[READ] + 1.0) if run_row[BEFORE] != NO_RUN else 0.0
                remaining = n_files - run_row[READ]
                likely = _WHOLE * (1.0 - again)
                if is_of_run(history, dataset, bits, int(run_row[BEFORE])):
                    likely = again + likely
                    remaining = again * (run_row[OF_BEFORE] - run_row[AGAIN]) + (1.0 - again) * remaining
                likely *= going
                expected += likely
                if likely > most:
                    most = likely
                    soonest = log(0.5 * max(remaining, 1.0) * gap / turnover + _SOON)
                    progress = min(run_row[READ] / n_files, 1.0)
        pending >>= 1
        run -= 1
    into[0] = log(1.0 + expected)
    into[1] = most
    into[2] = 0.3 * soonest + 0.6
    into[3] = progress
    n_readers = 0
    while bits:
        n_readers += 1
        bits &= bits - 1
    into[4] = 0.7 * log(1.0 + float(n_readers))
    into[5] = 0.7 * log(1.0 + float(n_running))
    reader = int(history.files[file, READER])
    if reader == NO_RUN:
        into[8] = 1.0
    elif started - reader <= REMEMBERED:
        into[6] = 0.3 * log(history.runs[place_of(dataset, reader)][READ])
        into[7] = float((running >> (started - 1 - reader)) & 1)
    into[9] = 1.0
