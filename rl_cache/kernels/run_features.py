"""What runs of tasks tell about when a file is requested again; all zeros where the trace does not say who reads."""

from rl_cache.arrays import Float64
from rl_cache.kernels.approximations import exp, log
from rl_cache.kernels.jit import kernel
from rl_cache.kernels.reruns import expect_rerun, rerun_probability
from rl_cache.kernels.runs import (
    AGAIN,
    BEFORE,
    LAST_S,
    NO_RUN,
    OF_BEFORE,
    READ,
    READER,
    REMEMBERED,
    RERUN,
    RUNNING,
    STARTED,
    USER,
    RunHistory,
    gap_s,
    is_known,
    is_of_run,
    place_of,
    readers,
)

RUN_FEATURES = (
    "readers expected: runs that have not read the file, by how likely they still will",
    "readers soon: of these, within half a turnover",
    "likeliest reader: the greatest of these probabilities",
    "soonest reader: when that run will have come to the file",
    "its progress: share of the dataset that it has read",
    "runs going on in the dataset",
    "readers: runs that have read the file",
    "reruns expected: of these, by how likely their users run them again",
    "reruns soon: of these, within half a turnover",
    "last reader: files that it has read of the dataset",
    "last reader runs: how likely the last run to read the file goes on",
    "last reader's age: time since that run's last read",
    "last reader's user: how likely runs of that user are run again",
    "reader unknown: the last request was outside of tasks",
    "readers are known in this trace",
)
"""The numbers that :func:`write_run_features` writes."""

_WHOLE = 0.6
"""How likely a run reads a file of its dataset, before anything is known."""
_PATIENCE = 4.0
"""A run that is quiet for so many of its gaps goes on with a probability of 1/e."""
_SOON = 0.5
"""Turnovers."""
_OFFSET = 1e-3


@kernel
def write_run_features(
    history: RunHistory, file: int, dataset: int, n_files: float, now: float, turnover: float, into: Float64
) -> None:
    """Write :data:`RUN_FEATURES` of a file of a dataset of which ``n_files`` are known."""
    into[:] = 0.0
    if is_known(history):
        bits = readers(history, file, dataset)
        _expect_readers(history, dataset, bits, n_files, now, turnover, into)
        _expect_reruns(history, dataset, bits, now, turnover, into)
        _look_at_last_reader(history, file, dataset, now, turnover, into)
        into[14] = 1.0


@kernel
def _expect_readers(
    history: RunHistory, dataset: int, bits: int, n_files: float, now: float, turnover: float, into: Float64
) -> None:
    """Of runs that go on and have not read the file."""
    started, running = history.datasets[dataset, STARTED], history.datasets[dataset, RUNNING]
    expected, soon, most, soonest, progress, n_running = 0.0, 0.0, 0.0, 3.0, 0.0, 0.0
    run = started - 1
    while running:
        if running & 1:
            run_row = history.runs[place_of(dataset, run)]
            going = _going_on(run_row, now)
            n_running += going
            if not bits & (1 << (started - 1 - run)):
                again = (run_row[AGAIN] + 0.5) / (run_row[READ] + 1.0) if run_row[BEFORE] != NO_RUN else 0.0
                remaining = n_files - run_row[READ]
                likely = _WHOLE * (1.0 - again)
                if is_of_run(history, dataset, bits, int(run_row[BEFORE])):
                    likely = again + likely
                    remaining = again * (run_row[OF_BEFORE] - run_row[AGAIN]) + (1.0 - again) * remaining
                likely *= going
                expected += likely
                lasts = max(remaining, 1.0) * gap_s(run_row) / turnover
                soon += likely * (_SOON / lasts) * (1.0 - exp(-lasts / _SOON))
                if likely > most:
                    most = likely
                    soonest = log(0.5 * lasts + _OFFSET)
                    progress = min(run_row[READ] / n_files, 1.0)
        running >>= 1
        run -= 1
    into[0] = log(1.0 + expected)
    into[1] = 2.0 * log(1.0 + soon)
    into[2] = most
    into[3] = 0.3 * soonest + 0.6
    into[4] = progress
    into[5] = 0.7 * log(1.0 + n_running)


@kernel
def _expect_reruns(history: RunHistory, dataset: int, bits: int, now: float, turnover: float, into: Float64) -> None:
    """Of runs that have read the file, are over and were not run again yet."""
    run, n_readers, expected, soon = history.datasets[dataset, STARTED] - 1, 0.0, 0.0, 0.0
    while bits:
        if bits & 1:
            n_readers += 1.0
            run_row = history.runs[place_of(dataset, run)]
            if run_row[RERUN] == 0.0:
                age_s, is_over = now - run_row[LAST_S], 1.0 - _going_on(run_row, now)
                ever, within = expect_rerun(history.reruns, int(run_row[USER]), age_s, _SOON * turnover)
                expected += is_over * ever
                soon += is_over * within
        bits >>= 1
        run -= 1
    into[6] = 0.7 * log(1.0 + n_readers)
    into[7] = 1.5 * log(1.0 + expected)
    into[8] = 2.0 * log(1.0 + soon)


@kernel
def _look_at_last_reader(
    history: RunHistory, file: int, dataset: int, now: float, turnover: float, into: Float64
) -> None:
    reader = int(history.files[file, READER])
    if reader == NO_RUN:
        into[13] = 1.0
    elif history.datasets[dataset, STARTED] - reader <= REMEMBERED:
        run_row = history.runs[place_of(dataset, reader)]
        into[9] = 0.3 * log(run_row[READ])
        into[10] = _going_on(run_row, now)
        into[11] = 0.3 * log((now - run_row[LAST_S]) / turnover + _OFFSET) + 0.6
        into[12] = 2.0 * rerun_probability(history.reruns, int(run_row[USER]))


@kernel
def _going_on(run_row: Float64, now: float) -> float:
    """How likely a run that may be going on does so."""
    return exp((run_row[LAST_S] - now) / (_PATIENCE * gap_s(run_row)))
