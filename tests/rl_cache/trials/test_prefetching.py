"""Fetching ahead on trial: judged by waiting, with bytes in vain as its price."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from rl_cache.laboratory.units import SavingUnit
from rl_cache.traces.trace import Trace
from rl_cache.trials.prefetching import LOOKUP_S, REMOTE_BYTES_PER_S, datasets_to_fetch, try_prefetching, waiting_s
from rl_cache.trials.suggestions import RuleKind, TrialStatus
from tests.support.cache_traces import whole_datasets

FILES, SIZE = 20, 10**9
CAPACITY = 100 * FILES * SIZE


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Ninety days, a dataset an hour, of three hundred that are drawn at random."""
    return whole_datasets(datasets=300, runs=90 * 24, files=FILES, size=SIZE)


def test_waiting_is_a_lookup_and_the_bytes() -> None:
    assert waiting_s(np.array([2]), np.array([10**9])).tolist() == [2 * LOOKUP_S + 1e9 / REMOTE_BYTES_PER_S]


def test_where_datasets_are_read_as_a_whole_fetching_saves_hours(trace: Trace) -> None:
    (trial,) = try_prefetching(trace, CAPACITY, np.random.default_rng(0))
    rule = trial.suggestion
    assert (rule.kind, rule.target, rule.unit) == (RuleKind.PREFETCH, "T", SavingUnit.HOURS)
    assert rule.judgement.status is TrialStatus.ACTIVE
    assert "h a day over" in rule.judgement.reason
    assert 0 < rule.low < rule.saved_per_day < rule.high
    assert trial.read_share > 0.9
    assert 0 <= rule.vain_bytes_per_day < 0.1 * CAPACITY
    assert "once 5 of them were read within" in rule.reason


def test_a_rule_that_fetches_what_nobody_reads_any_more_is_withdrawn(trace: Trace) -> None:
    """On the later days only the first eight files of each dataset are read."""
    half = int(trace.day_starts[45])
    later = half + np.flatnonzero(trace.file[half:] % FILES < 8)
    turned = trace.select(np.concatenate((np.arange(half), later)))
    (trial,) = try_prefetching(turned, CAPACITY, np.random.default_rng(0))
    assert trial.suggestion.judgement.status is TrialStatus.WITHDRAWN
    assert "readers waited" in trial.suggestion.judgement.reason
    assert trial.suggestion.vain_bytes_per_day > 0
    assert datasets_to_fetch(turned, [trial], CAPACITY) == []


def test_what_an_active_rule_would_fetch_is_what_is_being_read(trace: Trace) -> None:
    """The trace is cut in the middle of a run, whose other files are missing for the most part."""
    trials = try_prefetching(trace, CAPACITY, np.random.default_rng(0))
    assert trace.dataset is not None
    cut = trace.part(0, len(trace) - FILES + 6)
    to_fetch = datasets_to_fetch(cut, trials, CAPACITY)
    running = trace.dataset.names[trace.dataset.code[cut.file[-1]]]
    missing = {dataset.dataset: dataset for dataset in to_fetch}
    assert running in missing
    dataset = missing[running]
    assert (dataset.files, dataset.size_bytes, dataset.at_s) == (FILES, FILES * SIZE, cut.time_s[-1])
    assert dataset.missing_bytes == dataset.missing_files * SIZE
    assert 0 < dataset.missing_files <= FILES - 6
    assert dataset.expected_reads == pytest.approx(trials[0].read_share * dataset.missing_files)
    assert [item.waiting_s for item in to_fetch] == sorted((item.waiting_s for item in to_fetch), reverse=True)


def test_without_anything_above_datasets_there_is_no_rule(trace: Trace) -> None:
    for fewer in (replace(trace, tier=None), replace(trace, dataset=None)):
        assert try_prefetching(fewer, CAPACITY, np.random.default_rng(0)) == []
