"""Who reads a dataset: what is remembered of runs, beside a slow account of the same."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from rl_cache.kernels.history import FEATURES, OF_RUNS, empty_history, record_request, write_features
from rl_cache.kernels.runs import REMEMBERED, readers
from rl_cache.traces.trace import LabelColumn, Trace

EXPECTED, SOON, LIKELIEST, SOONEST, PROGRESS, RUNNING, READERS, RERUNS, RERUNS_SOON = OF_RUNS[:9]
LAST_READ, LAST_RUNS, LAST_AGE, LAST_USER, UNKNOWN, HAS_TASK = OF_RUNS[9:]


def by_tasks(file: list[int], task: list[str], user: list[str] | None = None, gap_s: int = 60) -> Trace:
    """One dataset, whose files are read one after the other."""
    columns = {}
    for name, values in (("task", task), ("user", user)):
        if values is not None:
            names, code = np.unique(values, return_inverse=True)
            columns[name] = LabelColumn(code.astype(np.int32), tuple(names.tolist()))
    n_files = max(file) + 1
    dataset = LabelColumn(np.zeros(n_files, np.int32), ("d",))
    return Trace(np.arange(len(file)) * gap_s, np.array(file), np.full(n_files, 10), dataset=dataset, **columns)


def features(trace: Trace, file: int) -> np.ndarray:
    """Of a file, at the last request."""
    history, values = empty_history(trace, 100), np.zeros(len(FEATURES))
    for row in range(len(trace)):
        record_request(history, int(trace.file[row]), row)
    write_features(history, file, len(trace) - 1, values)
    return values


def test_a_file_that_a_running_task_has_not_read_is_expected() -> None:
    trace = by_tasks([0, 1, 2, 3, 0, 1], ["a", "a", "a", "a", "b", "b"])
    read, unread = features(trace, 1), features(trace, 3)
    assert unread[EXPECTED] > read[EXPECTED] == 0
    assert unread[LIKELIEST] == pytest.approx(0.6, abs=0.05)
    assert unread[SOONEST] < read[SOONEST]
    assert (unread[PROGRESS], read[READERS] > unread[READERS]) == (0.5, True)


def test_a_rerun_reads_what_its_user_read_before() -> None:
    """User u read files 0 to 3 and begins again after a day; v read the others."""
    trace = by_tasks([*range(8), 0, 1, 2], [*"aaaabbbbccc"], [*"uuuuvvvvuuu"])
    trace = replace(trace, time_s=trace.time_s + np.repeat([0, 86_400], [8, 3]))
    assert features(trace, 3)[LIKELIEST] > 0.85
    assert features(trace, 7)[LIKELIEST] < 0.15
    without = replace(trace, user=None)
    assert features(without, 7)[LIKELIEST] == features(without, 3)[LIKELIEST]


def test_a_quiet_run_is_over() -> None:
    trace = by_tasks([0, 1, 2, 0, 1], [*"aaabb"])
    later = replace(trace, time_s=np.array([0, 60, 120, 180, 10**7]))
    assert features(trace, 2)[RUNNING] > features(later, 2)[RUNNING]


def test_a_user_without_tasks_runs_again_after_a_pause() -> None:
    trace = by_tasks([0, 1, 2, 3, 0, 1], [*"uuuuuu"])
    named = replace(trace, task=None, user=trace.task, time_s=np.array([0, 60, 120, 180, 90_000, 90_060]))
    assert features(named, 3)[LIKELIEST] > 0.7
    assert features(named, 1)[EXPECTED] == 0


def test_requests_outside_of_tasks_are_nobodys() -> None:
    values = features(by_tasks([0, 1, 0], ["a", "a", ""]), 0)
    assert (values[UNKNOWN], values[LAST_READ], values[HAS_TASK]) == (1, 0, 1)


def test_without_tasks_nothing_is_said() -> None:
    trace = by_tasks([0, 1, 0], [*"aab"])
    assert features(replace(trace, task=None), 0)[OF_RUNS[0] :].tolist() == [0.0] * len(OF_RUNS)


def test_readers_are_those_of_the_newest_runs() -> None:
    """Recomputed the slow way, with more tasks than are remembered."""
    rng = np.random.default_rng(0)
    file, task = rng.integers(0, 12, 600), np.arange(600) // 10 + rng.integers(0, 3, 600)
    trace = by_tasks(file.tolist(), [f"{number:03d}" for number in task])
    history = empty_history(trace, 100)
    for row in range(len(trace)):
        record_request(history, int(trace.file[row]), row)
    begun = list(dict.fromkeys(task.tolist()))[::-1]
    for number in range(12):
        bits = sum(1 << k for k, run in enumerate(begun[:REMEMBERED]) if number in file[task == run])
        assert readers(history.runs, number, 0) == bits


def test_what_a_user_reads_again_and_again_is_expected_after_the_usual_pause() -> None:
    """User u reads file 0 every other day, p reads another file once each time and never again."""
    files = [number for k in range(10) for number in (0, k + 1)]
    trace = by_tasks(files, [f"t{k}" for k in range(20)], ["u", "p"] * 10)
    trace = replace(trace, dataset=LabelColumn(np.arange(11, dtype=np.int32), tuple("abcdefghijk")))
    trace = replace(trace, time_s=np.arange(20) // 2 * 2 * 86_400 + np.arange(20) % 2)
    again, once = features(trace, 0), features(trace, 10)
    assert again[LAST_USER] > 2 * once[LAST_USER]
    ended = replace(trace, time_s=np.append(trace.time_s[:-2], trace.time_s[-2:] - [0, -86_400]))
    assert features(ended, 0)[RERUNS] > 2 * features(ended, 8)[RERUNS]
