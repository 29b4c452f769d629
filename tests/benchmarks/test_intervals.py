import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from benchmarks.intervals import bootstrap_mean, poisson, wilson


def test_poisson_matches_the_published_table():
    # Garwood's intervals as tabulated by the Particle Data Group and others.
    assert poisson(0) == pytest.approx((0.0, 3.689), abs=1e-3)
    assert poisson(10) == pytest.approx((4.795, 18.390), abs=1e-3)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(case):
    hits, trials = case
    exact = binomtest(hits, trials).proportion_ci(method="wilson")

    assert wilson(hits, trials) == pytest.approx((exact.low, exact.high), abs=1e-5)


def test_bootstrap_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        low, high = bootstrap_mean(rng.exponential(size=60), rng, draws=400)
        covered += low <= 1 <= high

    assert 175 <= covered <= 198
