"""Seven numbers of a histogram."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dqm.core.largest_errors import NUMBERS, QUANTILES, summaries

COUNTS = arrays(np.int64, st.integers(1, 40).map(lambda bins: (bins,)), elements=st.integers(0, 10_000))


def test_a_flat_histogram_has_the_numbers_of_the_uniform_distribution():
    summary = summaries(np.full((1, 1, 50), 7, dtype=np.float32))[0, 0]
    np.testing.assert_allclose(summary[:5], QUANTILES, rtol=1e-6)
    assert summary[5] == pytest.approx(0.5)
    assert summary[6] == pytest.approx(np.sqrt(1 / 12), rel=1e-3)


def test_all_entries_in_one_cell_lie_inside_that_cell():
    counts = np.zeros(10, dtype=np.float32)
    counts[3] = 100
    result = summaries(counts)
    np.testing.assert_allclose(result[:5], 0.3 + 0.1 * np.array(QUANTILES), rtol=1e-6)
    assert result[5] == pytest.approx(0.35)
    assert result[6] == 0


@given(COUNTS)
def test_quantiles_agree_with_linear_interpolation_of_cumulative_sums(counts):
    result = summaries(counts.astype(np.float32))
    if not counts.sum():
        assert np.isnan(result).all()
        return
    below = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    at = np.linspace(0, 1, len(counts) + 1)
    for place, share in enumerate(QUANTILES):
        # Where the cumulative sum is flat every place of the flat part is right.
        assert np.interp(result[place], at, below) == pytest.approx(share, abs=1e-5)
    centres = (at[1:] + at[:-1]) / 2
    mean = np.average(centres, weights=counts)
    assert result[5] == pytest.approx(mean, abs=1e-5)
    assert result[6] == pytest.approx(np.sqrt(np.average((centres - mean) ** 2, weights=counts)), abs=1e-3)


def test_a_histogram_has_the_same_bytes_in_any_company():
    rng = np.random.default_rng(0)
    counts = rng.gamma(0.5, size=(5, 7, 33)).astype(np.float32) * 100
    together = summaries(counts)
    assert together.shape == (5, 7, NUMBERS)
    for lumisection in range(5):
        for me in range(7):
            alone = summaries(np.ascontiguousarray(counts[lumisection, me]))
            assert alone.tobytes() == together[lumisection, me].tobytes()
