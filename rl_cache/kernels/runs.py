"""Which tasks read a dataset, and which of them have read a file of it. Only the past.

A *run* is what one task reads of one dataset. Of each dataset the newest 32 runs are remembered; a file keeps one bit
for each of them: whether it was read in this run. So it is known which files of a dataset a running task has not read
yet. A user who runs the same again reads the files of the run before: then it is known for each file whether it will
be read. Where a trace names users and no tasks, a user's run is over after a pause of twelve hours.

Runs of a dataset are numbered from 0. Bit ``i`` of a file stands for the run that was the ``i``-th newest when the file
was read last, so that a new run costs nothing: bits move when they are looked at.
"""

from typing import NamedTuple

import numpy as np

from rl_cache.arrays import Float64, Int32, Int64
from rl_cache.kernels.jit import kernel
from rl_cache.kernels.reruns import RerunHistory, empty_reruns, record_rerun, record_run
from rl_cache.traces.trace import LabelColumn, Trace, read_only

REMEMBERED = 32
TASK, USER, FIRST_S, LAST_S, READ, BEFORE, OF_BEFORE, AGAIN, RERUN = range(9)
STARTED, RUNNING = range(2)
BITS, AT, READER = range(3)
NO_RUN = -1
_ALL = (1 << REMEMBERED) - 1
_GAP_S = 3600.0
"""Expected time between two reads of a run, before there were two."""
_PATIENCE = 8.0
"""A run is over when it has been quiet for so many of its gaps."""
_PAUSE_S = 43_200.0


class RunHistory(NamedTuple):
    """Tables of runs; without any row where the trace has neither tasks nor users.

    Attributes:
        task, user: int32[requests], codes.
        no_task, no_user: codes of the empty names, -1 where there are none.
        pause_s: after which a run is over in any case.
        runs: float64[datasets * 32, 9]: codes of task and user, first and last read, files read, number of the same
            user's run before (NO_RUN: none), how many files that had read, how many of them are read again, and 1 if
            the run itself was run again.
        datasets: int64[datasets, 2]: runs started, and one bit for each of the newest that may be going on.
        files: int64[n_files, 3]: bits of runs that read it, runs started by then, number of the run that read it last.
        reruns: how likely runs are run again.
    """

    task: Int32
    user: Int32
    no_task: int
    no_user: int
    pause_s: float
    runs: Float64
    datasets: Int64
    files: Int64
    reruns: RerunHistory


def empty_runs(trace: Trace, n_datasets: int) -> RunHistory:
    """Nothing seen yet."""
    task, user = trace.task or trace.user, trace.user or trace.task
    pause_s = np.inf if trace.task else _PAUSE_S
    if task is None or user is None:
        nothing = read_only(np.zeros(0, np.int32))
        return RunHistory(nothing, nothing, -1, -1, pause_s, *_tables(0, 0), empty_reruns(0))
    names = task.code, user.code, _unnamed(task), _unnamed(user)
    return RunHistory(*names, pause_s, *_tables(n_datasets, trace.n_files), empty_reruns(len(user.names)))


def _tables(n_datasets: int, n_files: int) -> tuple[Float64, Int64, Int64]:
    files = np.zeros((n_files, 3), np.int64)
    files[:, READER] = NO_RUN
    return np.zeros((n_datasets * REMEMBERED, 9)), np.zeros((n_datasets, 2), np.int64), files


def _unnamed(column: LabelColumn) -> int:
    return column.names.index("") if "" in column.names else -1


@kernel
def is_known(history: RunHistory) -> bool:
    """Whether the trace says who reads."""
    return len(history.task) > 0


@kernel
def record_read(history: RunHistory, file: int, dataset: int, now: float, row: int) -> None:
    """Take in that the task of this request reads the file."""
    task, user = history.task[row], history.user[row]
    if task == history.no_task:
        history.files[file, READER] = NO_RUN
        return
    _end_runs(history, dataset, now)
    run = _find_run(history, dataset, task, now)
    if run == NO_RUN:
        run = _start_run(history, dataset, task, user, now)
    started = history.datasets[dataset, STARTED]
    run_row, bit = history.runs[place_of(dataset, run)], 1 << (started - 1 - run)
    bits = readers(history, file, dataset)
    if not bits & bit:
        run_row[READ] += 1.0
        run_row[AGAIN] += int(is_of_run(history, dataset, bits, int(run_row[BEFORE])))
    run_row[LAST_S] = now
    history.datasets[dataset, RUNNING] |= bit
    history.files[file, BITS], history.files[file, AT], history.files[file, READER] = bits | bit, started, run


@kernel
def place_of(dataset: int, run: int) -> int:
    """The row of a run that is remembered."""
    return dataset * REMEMBERED + run % REMEMBERED


@kernel
def readers(history: RunHistory, file: int, dataset: int) -> int:
    """One bit for each remembered run of the dataset, the newest first: whether the file was read in it."""
    newer = history.datasets[dataset, STARTED] - history.files[file, AT]
    return int((history.files[file, BITS] << newer) & _ALL) if newer < REMEMBERED else 0


@kernel
def is_of_run(history: RunHistory, dataset: int, bits: int, run: int) -> bool:
    """Whether a file with these bits was read in this run, as far as that is remembered."""
    newer = history.datasets[dataset, STARTED] - 1 - run
    return bool(run != NO_RUN and newer < REMEMBERED and (bits >> newer) & 1)


@kernel
def gap_s(run_row: Float64) -> float:
    """Mean seconds between two reads of a run."""
    return float((run_row[LAST_S] - run_row[FIRST_S] + _GAP_S) / run_row[READ])


@kernel
def _end_runs(history: RunHistory, dataset: int, now: float) -> None:
    started, running = history.datasets[dataset, STARTED], history.datasets[dataset, RUNNING]
    run = started - 1
    while running:
        if running & 1:
            run_row = history.runs[place_of(dataset, run)]
            if now - run_row[LAST_S] > _PATIENCE * gap_s(run_row):
                history.datasets[dataset, RUNNING] &= ~(1 << (started - 1 - run))
        running >>= 1
        run -= 1


@kernel
def _find_run(history: RunHistory, dataset: int, task: int, now: float) -> int:
    started = history.datasets[dataset, STARTED]
    for run in range(started - 1, max(-1, started - 1 - REMEMBERED), -1):
        run_row = history.runs[place_of(dataset, run)]
        if run_row[TASK] == task:
            return run if now - run_row[LAST_S] <= history.pause_s else NO_RUN
    return NO_RUN


@kernel
def _start_run(history: RunHistory, dataset: int, task: int, user: int, now: float) -> int:
    started = history.datasets[dataset, STARTED]
    before, of_before = NO_RUN, 0.0
    if user != history.no_user:
        for run in range(started - 1, max(-1, started - REMEMBERED), -1):
            run_row = history.runs[place_of(dataset, run)]
            if run_row[USER] == user:
                before, of_before = run, run_row[READ]
                record_rerun(history.reruns, user, now - run_row[LAST_S])
                run_row[RERUN] = 1.0
                break
    record_run(history.reruns, user)
    history.datasets[dataset, STARTED] = started + 1
    history.datasets[dataset, RUNNING] = (history.datasets[dataset, RUNNING] << 1) & _ALL
    run_row = history.runs[place_of(dataset, started)]
    run_row[TASK], run_row[USER], run_row[FIRST_S], run_row[LAST_S] = task, user, now, now
    run_row[READ], run_row[BEFORE], run_row[OF_BEFORE], run_row[AGAIN] = 0.0, before, of_before, 0.0
    run_row[RERUN] = 0.0
    return int(started)
