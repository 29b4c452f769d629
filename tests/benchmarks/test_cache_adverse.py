"""Adverse traces: what was asked for, and as hard as it was meant to be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.cache.adverse import ADVERSE


@pytest.mark.parametrize("name", ADVERSE)
@given(requests=st.integers(1, 3000), files=st.integers(1, 300), seed=st.integers(0, 2**32))
@settings(max_examples=15)
def test_adverse_traces_have_the_requested_length(name: str, requests: int, files: int, seed: int) -> None:
    trace = ADVERSE[name](requests, files, np.random.default_rng(seed))
    assert len(trace) == requests
    assert trace.n_files <= files


def test_scans_leave_most_files_cold() -> None:
    trace = ADVERSE["scans"](20_000, 1000, np.random.default_rng(0))
    count = np.sort(np.bincount(trace.file, minlength=trace.n_files))
    assert count[-100:].sum() > count[:-100].sum()
    assert count[:-100].max() < count[-100:].min()
