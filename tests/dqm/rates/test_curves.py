import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqm.rates.curves import fit, spread_of


def drawn(rng, scale, spread, lumisections=600):
    pileup = rng.uniform(20, 65, lumisections)
    exposure = np.full((lumisections, 1), 0.4)
    mean = exposure * scale * (1 + 0.02 * (pileup[:, None] - 40) + 4e-4 * (pileup[:, None] - 40) ** 2)
    counts = rng.poisson(mean * np.maximum(1 + spread * rng.standard_normal(mean.shape), 0.0)).astype(float)
    return counts, exposure, pileup, mean


@pytest.mark.parametrize("scale", [4.0, 40.0, 4e3, 1e6])
def test_a_curve_is_found_from_few_counts_and_from_many(scale):
    counts, exposure, pileup, mean = drawn(np.random.default_rng(1), scale, 0.02)
    curves = fit(counts, exposure, pileup, np.ones_like(counts, dtype=bool))
    tolerance = 0.01 + 4 / np.sqrt(counts.sum())
    assert np.abs(curves.expected(exposure, pileup) / mean - 1).mean() < tolerance


def test_outliers_do_not_move_a_curve():
    counts, exposure, pileup, mean = drawn(np.random.default_rng(2), 4e3, 0.02)
    counts[::12] *= 3
    curves = fit(counts, exposure, pileup, np.ones_like(counts, dtype=bool))
    assert np.abs(curves.expected(exposure, pileup) / mean - 1).max() < 0.05


@given(factor=st.floats(0.05, 20.0))
@settings(max_examples=10)
def test_prescales_and_live_time_only_scale_what_is_expected(factor):
    counts, exposure, pileup, _ = drawn(np.random.default_rng(3), 400.0, 0.02, 300)
    curves = fit(counts, exposure, pileup, np.ones_like(counts, dtype=bool))
    assert curves.expected(exposure * factor, pileup) == pytest.approx(factor * curves.expected(exposure, pileup))


@pytest.mark.parametrize("spread", [0.02, 0.1])
def test_the_spread_beyond_counting_noise_is_found(spread):
    rng = np.random.default_rng(4)
    mean = np.full((4000, 1), 5e3)
    counts = rng.poisson(mean * (1 + spread * rng.standard_normal(mean.shape))).astype(float)
    result = spread_of(counts, mean, np.ones_like(counts, dtype=bool))
    assert result[0] == pytest.approx(spread, rel=0.1)


def test_what_was_hardly_seen_has_no_curve():
    counts = np.zeros((300, 1))
    pileup = np.linspace(20, 60, 300)
    curves = fit(counts, np.ones_like(counts), pileup, np.ones_like(counts, dtype=bool))
    assert not curves.is_fitted[0]


def test_drift_moves_a_curve_and_pileup_beyond_training_does_not():
    counts, exposure, pileup, _ = drawn(np.random.default_rng(5), 400.0, 0.02)
    curves = fit(counts, exposure, pileup, np.ones_like(counts, dtype=bool))
    moved = curves.moved(np.array([[0.2], [0.0]], dtype=np.float32))
    assert moved.expected(exposure, pileup) == pytest.approx(1.2 * curves.expected(exposure, pileup))
    far = np.array([90.0, 200.0])
    assert not curves.covers(far).any()
    assert curves.expected(exposure[:2], far)[0] == curves.expected(exposure[:2], far)[1]


def test_a_path_that_runs_at_high_pileup_only_is_judged_only_there():
    rng = np.random.default_rng(2)
    pileup = np.concatenate([rng.uniform(17, 18, 4), rng.uniform(58, 63, 1500)])
    on = np.column_stack([np.ones(len(pileup), dtype=bool), pileup > 50])
    exposure = 0.4 * on
    curves = fit(rng.poisson(exposure * [400.0, 20.0]).astype(float), exposure, pileup, on)
    assert np.isfinite(curves.coefficients).all()
    assert np.isfinite(curves.expected(np.full_like(exposure, 0.4), pileup)).all()
    assert curves.covers(np.array([18.0, 40.0, 62.0])).tolist() == [[True, False], [True, False], [True, True]]
