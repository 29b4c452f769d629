"""Benjamini–Hochberg, Simes and conformal tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import false_discovery_control, genpareto, kstest

from dqm.statistics.conformal import ConformalTable, ConformalTables
from dqm.statistics.multiple_testing import discovery_threshold, simes

p_values = hnp.arrays(np.float32, st.integers(1, 60), elements=st.floats(2**-20, 1, width=32))


@given(p_values, st.sampled_from([0.01, 0.05, 0.125, 0.3]))
def test_discoveries_are_scipys(p, rate):
    result = p <= discovery_threshold(p, rate)
    adjusted = false_discovery_control(p.astype(np.float64))
    clear = np.abs(adjusted - rate) > 1e-9
    np.testing.assert_array_equal(result[clear], (adjusted <= rate)[clear])


def test_what_was_not_tested_does_not_count():
    p = np.array([0.001, np.nan, 0.2, np.nan], dtype=np.float32)
    assert discovery_threshold(p, 0.05) == discovery_threshold(p[[0, 2]], 0.05) == pytest.approx(0.001)
    assert discovery_threshold(np.full(3, np.nan, dtype=np.float32), 0.05) == 0
    assert np.isnan(simes(np.full(3, np.nan, dtype=np.float32)))


@given(p_values)
def test_simes_is_the_smallest_rate_at_which_something_is_discovered(p):
    value = float(simes(p))
    assert value <= min(1.0, float(p.min()) * len(p)) + 1e-12
    assert value >= float(p.min()) - 1e-12
    assert discovery_threshold(p, value * (1 + 1e-9)) > 0


def test_simes_is_uniform_for_independent_tests():
    rng = np.random.default_rng(0)
    values = simes(rng.uniform(size=(3000, 20)).astype(np.float32))
    assert kstest(values, "uniform").pvalue > 0.01


@given(hnp.arrays(np.float64, st.integers(1, 300), elements=st.floats(-50, 50)), st.floats(-100, 1e6, width=32))
def test_conformal_p_is_never_below_its_definition_within_the_pool(pool, score):
    table = ConformalTable.of(pool)
    result = float(table.p_values(np.array([score], dtype=np.float32))[0])
    assert 0 < result <= 1
    if score <= np.sort(pool)[-min(len(pool), 20)]:
        assert result >= (1 + (pool >= score + 1e-4).sum()) / (len(pool) + 1) - 1e-6


@given(hnp.arrays(np.float64, st.integers(1, 200), elements=st.floats(-9, 9)))
def test_conformal_p_never_rises_with_the_score(pool):
    scores = np.linspace(-12, 60, 700, dtype=np.float32)
    assert (np.diff(ConformalTable.of(pool).p_values(scores)) <= 1e-9).all()


def test_new_scores_have_uniform_p():
    rng = np.random.default_rng(5)
    result = ConformalTable.of(rng.gamma(3.0, size=20_000)).p_values(rng.gamma(3.0, size=5000).astype(np.float32))
    assert kstest(result, "uniform").pvalue > 0.01


@pytest.mark.parametrize("shape", [0.0, 0.15])
def test_the_tail_continues_the_pool(shape):
    """At the 1e-6 quantile of a heavy-tailed law, from a pool of 20,000: right within a factor of thirty."""
    law = genpareto(shape)
    result = ConformalTable.of(law.rvs(20_000, random_state=4)).p_values(np.array([law.isf(1e-6)], dtype=np.float32))
    assert 3e-8 < float(result[0]) < 3e-5


def test_nan_stays_nan_and_infinity_is_very_unlikely():
    result = ConformalTable.of(np.arange(100.0)).p_values(np.array([np.nan, np.inf, -np.inf], dtype=np.float32))
    assert np.isnan(result[0])
    assert 0 < result[1] < 1e-10
    assert result[2] == 1


def test_tables_round_trip_and_stack():
    rng = np.random.default_rng(1)
    tables = [ConformalTable.of(rng.normal(size=size)) for size in (50, 500)]
    again = [ConformalTable.from_array(table.as_array()) for table in tables]
    scores = rng.normal(size=(7, 2)).astype(np.float32) * 3
    stacked = ConformalTables.of(again).p_values(scores, np.array([0, 1]))
    for column, table in enumerate(tables):
        np.testing.assert_array_equal(stacked[:, column], table.p_values(scores[:, column]))


def test_an_empty_pool_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        ConformalTable.of(np.empty(0))
