"""Control of the alarm level: bounded, monotone, near the declared rate under drift, hard to poison."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dqm.core.control import GREATEST, LATE, LATEST_RUNS, LEAST_GOOD, LEAST_P, AlarmLevel, GoodRuns

DECLARED = RATE = 0.05
RUNS = 500
RUN_P = st.floats(0.0, 1.0) | st.just(np.nan)


def level(p_values, amount=None):
    """The level after good runs with these p-values."""
    p_values = np.asarray(p_values, dtype=np.float64)
    amount = np.zeros(len(p_values), dtype=np.bool_) if amount is None else np.asarray(amount)
    return AlarmLevel.of(GoodRuns(p_values, amount), DECLARED, RATE)


def alarms(p_values, called_good=None):
    """Which of a stream of runs alarm, each at the level of what was said of the runs up to ten before it."""
    called_good = np.ones(len(p_values), dtype=np.bool_) if called_good is None else called_good
    alarmed = np.zeros(len(p_values), dtype=np.bool_)
    for at in range(len(p_values)):
        words = np.arange(max(at - LATEST_RUNS, 0), max(at - LATE, 0))
        alarmed[at] = p_values[at] <= level(p_values[words[called_good[words]]]).p_value
    return alarmed


def drifting(rng):
    """P-values that grow too small by e**6 in some hundred runs, come back, and do so again."""
    return np.exp(-rng.exponential(size=RUNS) - 6.0 * np.abs(np.sin(np.arange(RUNS) / 100.0)))


@given(arrays(np.float64, st.integers(LEAST_GOOD, 80), elements=RUN_P), st.booleans())
def test_it_stays_within_its_bounds(p_values, amount):
    reached = level(p_values, np.full(len(p_values), amount)).p_value
    assert LEAST_P * 0.999 <= reached <= GREATEST * DECLARED * 1.001


@given(arrays(np.float64, st.integers(LEAST_GOOD, 80), elements=RUN_P), st.floats(0.0, 1.0))
def test_a_stranger_newest_run_never_raises_it(p_values, stranger):
    newest = 1.0 if np.isnan(p_values[-1]) else p_values[-1]
    worse = np.r_[p_values[:-1], min(stranger, newest)]
    assert level(worse).p_value <= level(p_values).p_value * 1.001


@given(arrays(np.float64, st.integers(0, LEAST_GOOD - 1), elements=RUN_P))
def test_few_words_change_nothing(p_values):
    assert level(p_values).p_value == DECLARED
    assert f"called {len(p_values)} of the {LATEST_RUNS} runs" in level(p_values).sentence()


def test_where_nothing_drifts_it_stays_near_the_declared_level():
    rng = np.random.default_rng(1)
    levels = [level(rng.uniform(size=150)).p_value for _ in range(20)]
    assert np.median(levels) == pytest.approx(DECLARED, rel=0.35)
    assert level(rng.uniform(size=64)).sentence().endswith("learned from 64 runs that people called good.")


def test_the_rate_of_a_drifting_stream_is_the_declared_one():
    rng = np.random.default_rng(2)
    p_values = drifting(rng)
    assert (p_values <= DECLARED).mean() > 10 * RATE, "without control"
    assert 0.5 * RATE < alarms(p_values)[LEAST_GOOD + LATE :].mean() < 1.5 * RATE


def test_p_values_that_are_too_large_alarm_as_often_as_declared():
    rng = np.random.default_rng(3)
    p_values = np.sqrt(rng.uniform(size=RUNS) * 0.25 + 0.002)
    assert (p_values <= DECLARED).mean() < 0.4 * RATE
    assert alarms(p_values).mean() <= 1.3 * RATE


def test_where_words_stop_the_level_stays_for_a_while_and_then_is_the_declared_one():
    rng = np.random.default_rng(4)
    p_values = np.exp(-2.0 * rng.exponential(size=RUNS))
    spoken = np.arange(RUNS) < 200
    alarmed = alarms(p_values, spoken)
    at_declared = p_values <= DECLARED
    assert alarmed[60:380].mean() < 1.5 * RATE < at_declared[60:380].mean(), "what was learned still holds"
    np.testing.assert_array_equal(alarmed[400:], at_declared[400:], "none of the latest runs has a word")


def test_a_few_bad_runs_called_good_leave_strong_faults_visible():
    rng = np.random.default_rng(5)
    p_values = rng.uniform(size=200)
    honest = level(p_values).p_value
    poisoned = p_values.copy()
    poisoned[rng.choice(200, 10, replace=False)] = 1e-30
    assert honest / 50 < level(poisoned).p_value < honest
    assert level(np.r_[p_values[:-1], 1e-30]).p_value > honest / 3, "one word moves it by little"


def test_words_that_come_in_one_heap_do_not_wind_it_up():
    """All 200 runs alarmed before anybody spoke, and yet they are not added up."""
    rng = np.random.default_rng(6)
    p_values = np.exp(-4.0 - rng.exponential(size=200))
    assert level(p_values).p_value > np.exp(-4.0) * DECLARED / 4


def test_too_few_entries_count_as_alarms():
    rng = np.random.default_rng(7)
    p_values = rng.uniform(size=100)
    starved = np.arange(100) % 10 == 0
    assert level(p_values, starved).p_value < level(p_values).p_value
