"""Methods that make one p-value of many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import combine_pvalues, kstest, norm

from benchmarks.dqm.combining_methods import METHODS, fisher, harmonic_mean
from dqm.statistics.multiple_testing import cauchy, simes

every = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
p_values = hnp.arrays(np.float32, st.integers(1, 60), elements=st.floats(2**-20, 1, width=32))


@every
@given(p=p_values, holes=st.integers(0, 5))
def test_what_was_not_tested_does_not_count(method, p, holes):
    assert method(np.concatenate([p, np.full(holes, np.nan, dtype=np.float32)])) == pytest.approx(method(p), rel=1e-9)


@every
def test_nothing_tested_is_nan_not_a_warning(method):
    assert np.isnan(method(np.full((2, 3), np.nan, dtype=np.float32))).all()
    assert np.isnan(method(np.empty((2, 0), dtype=np.float32))).all()


@every
@given(p=p_values)
def test_a_smaller_p_value_never_makes_it_larger(method, p):
    less = p.copy()
    less[0] /= 4
    assert method(less) <= method(p) * (1 + 1e-9)


@every
@given(p=hnp.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 9)), elements=st.floats(0, 1, width=32)))
def test_rows_are_taken_alone_and_lie_between_0_and_1(method, p):
    together = method(p)
    assert ((together >= 0) & (together <= 1)).all()
    np.testing.assert_allclose(together, [float(method(row)) for row in p], rtol=1e-12)


@every
def test_order_does_not_matter(method):
    p = np.random.default_rng(0).uniform(size=30).astype(np.float32)
    assert method(p[::-1]) == pytest.approx(float(method(p)), rel=1e-12)


@every
def test_one_very_small_among_many_is_felt(method):
    p = np.full(100, 0.5, dtype=np.float32)
    p[3] = 1e-30
    assert method(p) < (1e-3 if method is fisher else 1e-25)


def test_fisher_is_scipys():
    p = np.random.default_rng(1).uniform(size=12).astype(np.float32)
    assert fisher(p) == pytest.approx(combine_pvalues(p.astype(np.float64), "fisher").pvalue, rel=1e-9)


def test_the_harmonic_mean_is_that():
    assert harmonic_mean(np.array([0.5, 0.25, 0.125], dtype=np.float32)) == pytest.approx(3 / 14)


def test_one_cauchy_is_itself():
    p = np.array([1e-20, 1e-6, 0.03, 0.7], dtype=np.float32)
    np.testing.assert_allclose(cauchy(p[:, None]), p, rtol=1e-6)


@pytest.mark.parametrize("method", [simes, fisher], ids=["simes", "fisher"])
def test_independent_tests_give_uniform_p_values(method):
    p = np.random.default_rng(2).uniform(size=(3000, 20)).astype(np.float32)
    assert kstest(method(p), "uniform").pvalue > 0.01


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("name", ["bonferroni", "simes", "cauchy"])
def test_the_level_holds_for_dependent_tests(name, correlation):
    """At 1 %, with 20 tests that share a part of their noise; 20,000 sets, so that 1.3 % is four sigma."""
    rng = np.random.default_rng(3)
    noise = np.sqrt(correlation) * rng.normal(size=(20_000, 1)) + np.sqrt(1 - correlation) * rng.normal(
        size=(20_000, 20)
    )
    assert (METHODS[name](norm.sf(noise).astype(np.float32)) <= 0.01).mean() < 0.013


def test_fisher_does_not_hold_it():
    noise = np.random.default_rng(4).normal(size=(5000, 1)).repeat(20, axis=1)
    assert (fisher(norm.sf(noise).astype(np.float32)) <= 0.01).mean() > 0.1
