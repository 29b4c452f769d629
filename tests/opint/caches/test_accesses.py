"""Accesses and traces: what a cache reports becomes what the laboratory replays, and back."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from opint.caches.ingest import LATE_S, as_trace
from opint.caches.publish import as_batches
from rl_cache.traces.generate import hep
from rl_cache.traces.trace import Trace
from rl_cache.traces.workload import WORKLOADS
from streams.records import FileAccess

NOW_S = 2e9
ONE = FileAccess(1e9, "/a", "/x/MINIAOD", 5, tier="MINIAOD")


def at(time_s, **fields):
    return replace(ONE, time=time_s, **fields)


def test_a_published_trace_comes_back_as_it_was():
    trace = hep(replace(WORKLOADS["mixed"], days=3, scale=0.01), np.random.default_rng(0))
    batches = list(as_batches(trace, "rome", 500))
    assert {len(batch.accesses) for batch in batches[:-1]} == {500}
    assert {batch.cache for batch in batches} == {"rome"}
    returned, left_out = as_trace([access for batch in batches for access in batch.accesses], 0, NOW_S)
    assert left_out == 0
    assert returned is not None
    assert returned.time_s.tolist() == trace.time_s.tolist()
    assert returned.size.tolist() == trace.size.tolist()
    for column in ("dataset", "tier"):
        ours, theirs = getattr(returned, column), getattr(trace, column)
        assert [ours.names[code] for code in ours.code[returned.file]] == [
            theirs.names[code] for code in theirs.code[trace.file]
        ]
    first = batches[0].accesses[0]
    assert trace.cpu_s is not None
    assert (first.cpu_time, first.site[:2]) == (trace.cpu_s[0], "T2")
    for column in ("task", "user"):
        labels = getattr(trace, column)
        published = [getattr(access, column) for batch in batches for access in batch.accesses]
        assert published == [labels.names[code] for code in labels.code]


def test_a_trace_of_numbers_alone_is_published():
    (batch,) = as_batches(Trace(np.array([7]), np.array([0]), np.array([9])), "rome")
    assert batch.accesses == (FileAccess(7.0, "0", "", 9),)


def test_what_is_a_little_late_counts_as_of_then():
    trace, left_out = as_trace([at(1000.9, file="/b"), at(990.0)], 995, NOW_S)
    assert trace is not None
    assert (trace.time_s.tolist(), left_out) == ([995, 1000], 0)
    assert trace.file_name.tolist() == ["/a", "/b"]


def test_what_is_much_too_late_or_from_the_future_is_left_out():
    timely, late, early = at(1e6), at(1e6 - LATE_S - 1), at(NOW_S + LATE_S + 1)
    trace, left_out = as_trace([late, timely, early], int(1e6), NOW_S)
    assert trace is not None
    assert (len(trace), left_out) == (1, 2)
    assert as_trace([late], int(1e6), NOW_S) == (None, 1)
    assert as_trace([timely, late, early], 0, NOW_S)[1] == 2


def test_datasets_are_the_directories_where_there_are_no_tiers():
    trace, _ = as_trace([at(1.0, tier="")], 0, NOW_S)
    assert trace is not None
    assert trace.tier is None
    assert trace.dataset is not None
    assert trace.dataset.names == ("/x/MINIAOD",)


def test_a_file_of_several_sizes_has_the_first():
    trace, _ = as_trace([at(2.0, size=9), at(1.0), at(3.0, size=7)], 0, NOW_S)
    assert trace is not None
    assert trace.file_size.tolist() == [5]
