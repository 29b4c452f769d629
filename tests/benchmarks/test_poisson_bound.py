"""The ideal likelihood ratio of three lumisections."""

import numpy as np
import pytest

from benchmarks.rates.poisson_bound import LIMITS, Counts, limit_for, power


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_the_limit_keeps_the_false_incidents_of_counts_that_are_drawn_again(rng):
    few = Counts(np.full((6000, 2), 10.0), np.repeat([1, 2], 3000))
    limit = limit_for(5.0, [few], rng)
    raised = few.false_incidents(rng)
    assert 1 < raised[np.argmin(np.abs(LIMITS - limit))] < 6
    assert limit_for(1.0, [few], rng) > limit


def test_many_counts_allow_all_faults_to_be_found_and_few_do_not(rng):
    limit = limit_for(1.0, [Counts(np.full((3000, 1), 10.0), np.ones(3000, dtype=np.intp))], rng)
    assert power(np.full(10, 600.0), limit) > 0.9999
    assert power(np.full(10, 30.0), limit) < 0.95


def test_windows_do_not_reach_over_runs_or_what_is_not_judged():
    expected = np.full((9, 1), 2.0)
    expected[7] = np.nan
    windows = Counts(expected, np.array([1] * 5 + [2] * 4)).windows()
    assert np.isfinite(windows[:, 0]).tolist() == [True] * 3 + [False] * 4
    assert windows[0, 0] == 6
