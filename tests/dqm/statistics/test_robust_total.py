import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dqm.statistics.robust_total import robust_totals

SHARES = np.full(100, 0.01)


def scaled(counts):
    return float(robust_totals(counts[None], (SHARES * counts.sum())[None])[0][0])


def test_a_histogram_without_outliers_keeps_its_sum():
    counts = np.random.default_rng(1).poisson(400 * np.linspace(0.8, 1.2, 100))

    assert scaled(counts) == counts.sum()


@pytest.mark.parametrize("hot", [3_000, 100_000, 100_000_000])
def test_a_hot_bin_does_not_tilt_the_others(hot):
    counts = np.full(100, 373)
    counts[42] = hot

    assert scaled(counts) == pytest.approx(37_300)


@pytest.mark.parametrize(("dead", "remaining"), [(1, 0), (1, 5), (30, 0), (30, 5), (70, 0), (70, 5), (90, 0)])
def test_dead_bins_do_not_tilt_the_others(dead, remaining):
    counts = np.full(100, 400)
    counts[:dead] = remaining

    assert scaled(counts) == pytest.approx(40_000)


def test_a_peak_that_died_leaves_its_tails_in_line():
    """The living tails held a tenth of all counts: they say how many there should be."""
    expected = np.where(np.arange(20) < 10, 900.0, 100.0)
    counts = np.where(np.arange(20) < 10, 0, 100)

    totals, in_line = robust_totals(counts[None], expected[None])

    assert totals[0] == pytest.approx(10_000)
    assert in_line[0].tolist() == [False] * 10 + [True] * 10


@given(arrays(np.float64, (3, 20), elements=st.floats(0, 1e12)), arrays(np.float64, 20, elements=st.floats(1e-9, 1)))
def test_totals_are_finite_and_histograms_do_not_touch_each_other(counts, shares):
    expected = shares * (1 + counts.sum(axis=1, keepdims=True))

    together, in_line = robust_totals(counts, expected)

    assert np.isfinite(together).all()
    assert (together >= 0).all()
    alone = [
        float(robust_totals(count[None], usual[None])[0][0]) for count, usual in zip(counts, expected, strict=True)
    ]
    assert together.tolist() == alone
    assert ((counts * in_line).sum(axis=1) <= together * (1 + 1e-9)).all()
