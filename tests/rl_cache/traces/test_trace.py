"""A trace refuses nonsense by name, and knows its days and its future."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cache.errors import TraceError
from rl_cache.traces.trace import LabelColumn, Trace
from tests.support.cache_traces import trace_of

GOOD = {"time_s": [0, 5, 5], "file": [0, 1, 0], "file_size": [7, 6_000_000_000]}
MISTAKES = {
    "number of requests is 0": {"time_s": [], "file": []},
    "time_s of request 2 is 4 after 5": {"time_s": [0, 5, 4]},
    "times must be in seconds": {"time_s": [0, 5, 4_000_000_000_000]},
    "length of file is 2; expected 3": {"file": [0, 1]},
    "file is 0 .. 2; file_size has 2 rows": {"file": [0, 2, 0]},
    "file is -1 .. 1": {"file": [0, -1, 1]},
    "size of file 1 is 0": {"file_size": [7, 0]},
    "size of file 0 is -3": {"file_size": [-3, 7]},
    "sum of requested bytes is 4.61e+18": {"file_size": [7, 2**62]},
    "length of dataset is 1; expected 2": {"dataset": LabelColumn(np.zeros(1, np.int32), ("a",))},
    "code of site is 0 .. 3; there are 1 names": {"site": LabelColumn(np.array([0, 3, 0], np.int32), ("a",))},
    "cpu_s of request 1 is -1.0": {"cpu_s": [0.0, -1.0, 0.0]},
    "io_s of request 2 is nan": {"io_s": [0.0, 1.0, float("nan")]},
}


def built(**columns):
    floats = {"cpu_s", "io_s"}
    arrays = {
        name: value if isinstance(value, LabelColumn) else np.asarray(value, float if name in floats else np.int64)
        for name, value in {**GOOD, **columns}.items()
    }
    return Trace(**arrays, origin="here.csv")


@pytest.mark.parametrize("message", MISTAKES)
def test_nonsense_is_refused_by_name(message):
    with pytest.raises(TraceError) as refused:
        built(**MISTAKES[message])
    assert str(refused.value).startswith("here.csv: ")
    assert message in str(refused.value)


def test_a_trace_cannot_be_written_to_and_leaves_its_sources_as_they_are():
    """So that compiled code sees one kind of array, whatever a trace was made from."""
    file = np.array([0, 1, 0])
    trace = Trace(np.arange(3), file, np.array([7, 8]), site=LabelColumn(file.astype(np.int32), ("a", "b")))
    for array in (trace.time_s, trace.file, trace.file_size, trace.site.code, trace.part(1, 3).file):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9
    file[0] = 1


def test_files_above_four_gigabytes_are_normal():
    assert built().footprint_bytes == 6_000_000_007
    assert built().size.tolist() == [7, 6_000_000_000, 7]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60))
def test_the_next_access_is_the_next_row_of_that_file(files):
    trace = trace_of(files)
    expected = [
        files.index(file, row + 1) if file in files[row + 1 :] else len(files) for row, file in enumerate(files)
    ]
    assert trace.next_access.tolist() == expected


@given(st.lists(st.integers(0, 500_000), min_size=1, max_size=50))
def test_days_split_the_rows(times):
    trace = trace_of([0] * len(times), times=sorted(times))
    days = np.repeat(np.arange(len(trace.day_starts) - 1), np.diff(trace.day_starts)) + trace.first_day
    assert days.tolist() == [time // 86_400 for time in sorted(times)]


def test_a_part_keeps_the_numbers_of_files():
    part = built(cpu_s=[1, 2, 3], site=LabelColumn(np.array([0, 1, 0], np.int32), ("a", "b"))).part(1, 3)
    assert part.file.tolist() == [1, 0]
    assert part.n_files == 2
    assert part.cpu_s.tolist() == [2, 3]
    assert part.site.code.tolist() == [1, 0]
    assert part.row_at(5) == 0
