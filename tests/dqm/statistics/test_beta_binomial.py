"""The pulls against SciPy's beta-binomial, and the fast ones against the exact ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import betabinom, norm

from dqm.statistics.beta_binomial import CONTINUITY, exact_pulls, fast_pulls, log_probability, ratios


@given(st.integers(1, 5000), st.floats(1, 1e5), st.floats(1, 1e6), st.floats(0, 1))
def test_probability_is_scipys(total, alpha, beta, where):
    n = round(where * total)
    ours = log_probability(*(np.array(float(item)) for item in (n, total, alpha, beta)))
    assert float(ours) == pytest.approx(betabinom(total, alpha, beta).logpmf(n), rel=1e-6, abs=1e-5)


@given(
    st.lists(st.integers(0, 400), min_size=3, max_size=12), st.lists(st.integers(0, 40000), min_size=12, max_size=12)
)
def test_exact_pulls_are_the_definition(counts, reference):
    counts, reference = np.array(counts, dtype=float), np.array(reference[: len(counts)], dtype=float)
    total, whole = int(counts.sum()), reference.sum()
    for n, r, pull in zip(counts, reference, exact_pulls(counts, reference), strict=True):
        law = betabinom(total, r + 1, whole - r + 1)
        highest = law.logpmf(np.arange(total + 1)).max()
        assert pull**2 == pytest.approx(2 * (highest - law.logpmf(n)), rel=1e-5, abs=1e-4)


def fast(n, expected, wander):
    counts = np.asarray(n, dtype=np.float32)
    return fast_pulls(
        counts, np.full(counts.shape, expected, dtype=np.float32), np.full(counts.shape, wander, dtype=np.float32)
    )


@pytest.mark.parametrize(("expected", "error"), [(1.0, 0.4), (3.0, 0.2), (10.0, 0.12), (50.0, 0.12), (300.0, 0.3)])
def test_fast_pulls_are_the_normal_quantiles_of_the_exact_law(expected, error):
    """Within ``error`` standard deviations over the central 6, that is where decisions are made."""
    total, whole = 20_000, 1e6
    r = expected / total * whole
    law = betabinom(total, r + 1, whole - r + 1)
    n = np.arange(int(law.isf(1e-9)) + 1)
    middle = law.sf(n) + 0.5 * law.pmf(n)
    central = (middle > 1e-9) & (middle < 1 - 1e-9)
    result = fast(n[central], total * (r + 0.5) / whole, 1 / (r + 1))
    assert np.abs(result - norm.isf(middle[central])).max() < error


@pytest.mark.parametrize("expected", [0.001, 0.3, 1.0, 20.0, 5000.0])
def test_fast_pulls_rise_with_the_count(expected):
    pulls = fast(np.arange(int(expected * 3) + 50), expected, 1e-4)
    assert (np.diff(pulls) > 0).all()


def test_fast_pulls_of_nothing_expected_and_nothing_there_are_small():
    assert abs(float(fast([0.0], 1e-6, 1e-4)[0])) < 1e-3


@given(st.floats(0, 1e12), st.floats(0, 1e12), st.floats(1e-6, 1))
def test_fast_pulls_are_finite(count, expected, wander):
    assert np.isfinite(fast([count], expected, wander)).all()


def test_wandering_makes_pulls_smaller():
    assert fast([1200.0], 1000.0, 0.01)[0] < fast([1200.0], 1000.0, 1e-4)[0]


@given(
    arrays(np.float32, 20, elements=st.floats(0, 1e6, width=32)),
    arrays(np.float32, 20, elements=st.floats(0.5, 1e5, width=32)),
)
def test_ratios_undo_the_pulls(counts, expected):
    precision = expected.copy()
    pulls = fast_pulls(counts, precision, np.float32(1e-4))
    expected_rows = (counts + CONTINUITY) / (expected + CONTINUITY)
    np.testing.assert_allclose(ratios(pulls, precision), expected_rows, rtol=2e-2, atol=2e-3)
