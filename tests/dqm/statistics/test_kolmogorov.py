"""Kolmogorov's distance against SciPy, on cumulative distributions."""

import numpy as np
import pytest
from scipy.stats import kstest

from dqm.histograms.scorers.kolmogorov import POINTS, grid, scaled_distance


@pytest.mark.parametrize("bins", [1, 2, 7, 33, 100, 1000])
def test_grid_cumulates(bins):
    rng = np.random.default_rng(bins)
    counts = rng.poisson(5, bins).astype(np.float32)
    result = counts @ grid(bins)
    assert len(result) <= POINTS
    assert set(result) <= set(np.cumsum(counts))
    assert (np.diff(result) >= 0).all()


def test_the_distance_is_that_of_a_fine_grid():
    """With as many places as bins it is the distance that SciPy finds at the bins' edges."""
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 1, 500) ** 1.1
    counts = np.histogram(values, bins=POINTS, range=(0, 1))[0].astype(np.float32)
    steps = grid(POINTS)
    expected = np.full(POINTS, 500 / POINTS, dtype=np.float32) @ steps
    result = scaled_distance(counts @ steps, expected, np.float32(500.0))
    exact = kstest(values, "uniform").statistic * (np.sqrt(500) + 0.12 + 0.11 / np.sqrt(500))
    assert result <= exact + 1e-4
    assert result == pytest.approx(exact, rel=0.2)


def test_five_percent_of_good_samples_exceed_1_36_at_most():
    rng = np.random.default_rng(2)
    counts = rng.multinomial(2000, np.full(64, 1 / 64), size=4000).astype(np.float32)
    steps = grid(64)
    expected = (np.full(64, 2000 / 64, dtype=np.float32) @ steps)[None]
    above = (scaled_distance(counts @ steps, expected, counts.sum(axis=1)) > 1.36).mean()
    assert 0.02 < above < 0.06


def test_a_shift_by_one_bin_is_seen_where_bin_contents_would_hardly_show_it():
    shape = np.exp(-0.5 * ((np.arange(100) - 50) / 15) ** 2)
    counts = (1e4 * shape / shape.sum()).astype(np.float32)
    steps = grid(100)
    assert scaled_distance(np.roll(counts, 1) @ steps, counts @ steps, np.float32(1e4)) > 2


def test_empty_histograms_are_at_no_distance():
    steps = grid(10)
    nothing = np.zeros(steps.shape[1], dtype=np.float32)
    assert scaled_distance(nothing, nothing, np.float32(0.0)) == 0
