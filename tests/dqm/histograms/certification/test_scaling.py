"""Summaries in units of how far good lumisections spread."""

import numpy as np
import pytest

from dqm.core.largest_errors import NUMBERS, summaries
from dqm.histograms.certification import scaling
from dqm.histograms.certification.scaling import REACH, FeatureScaling

L, N, BINS = 400, 3, 40


def good(rng, totals, pileup):
    centre = (np.arange(BINS) + 0.5) / BINS
    shape = np.exp(-0.5 * ((centre - 0.5 - 0.02 * pileup[:, None, None]) / 0.1) ** 2) * np.ones((1, N, 1))
    return rng.poisson(totals[..., None] * shape / shape.sum(axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(1)
    pileup = rng.uniform(-1.5, 1.5, L).astype(np.float32)
    totals = np.exp(rng.uniform(np.log(200), np.log(20_000), (L, N)))
    counts = good(rng, totals, pileup)
    return summaries(counts), counts.sum(axis=-1), pileup, np.ones((L, N), dtype=bool)


@pytest.fixture(scope="module")
def fitted(sample):
    return scaling.fit(*sample, np.full(N, BINS))


def test_good_features_have_unit_spread_at_any_statistics(sample, fitted):
    scaled = fitted.scaled(*sample).reshape(L, N, NUMBERS)
    few = sample[1] < 1000
    for rows in (few, ~few):
        assert 0.8 < scaled[rows].std() < 1.2


def test_pileup_is_taken_out(sample, fitted):
    scaled = fitted.scaled(*sample).reshape(L, N, NUMBERS)[..., 5]
    assert abs(np.corrcoef(scaled.mean(axis=1), sample[2])[0, 1]) < 0.15
    assert np.median(fitted.slope[:, 5]) == pytest.approx(0.02, rel=0.1)


def test_what_is_not_inspected_is_typical(sample, fitted):
    numbers, totals, pileup, use = sample
    use = use.copy()
    use[:, 1] = False
    scaled = fitted.scaled(numbers, totals, pileup, use).reshape(L, N, NUMBERS)
    assert (scaled[:, 1] == 0).all()
    assert (scaled[:, 0] != 0).all()


def test_features_stay_finite(fitted):
    far = np.full((1, N, NUMBERS), 1e30, dtype=np.float32)
    far[0, 1] = np.nan
    scaled = fitted.scaled(far, np.zeros((1, N), np.float32), np.zeros(1, np.float32), np.ones((1, N), bool))
    assert set(np.unique(scaled)) == {0.0, np.float32(REACH)}


def test_elements_that_training_never_saw_are_told(sample):
    numbers, totals, pileup, use = sample
    use = use.copy()
    use[:, 2] = False
    fitted = scaling.fit(numbers, totals, pileup, use, np.full(N, BINS))
    assert np.isnan(fitted.centre[2]).all()
    assert np.isfinite(fitted.centre[:2]).all()


def test_no_spread_is_taken_for_less_than_a_hundredth_of_a_cell():
    numbers = np.full((50, 1, NUMBERS), 0.5, dtype=np.float32)
    fitted = scaling.fit(
        numbers, np.full((50, 1), 1e9), np.zeros(50, np.float32), np.ones((50, 1), bool), np.array([10])
    )
    np.testing.assert_allclose(np.sqrt(fitted.systematic), 1e-3, rtol=1e-5)


def test_round_trip_is_exact(sample, fitted):
    again = FeatureScaling.from_arrays(fitted.arrays())
    assert again.scaled(*sample).tobytes() == fitted.scaled(*sample).tobytes()
