import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.simulate.effects import EFFECTS
from dqm.simulate.faults import FaultKind
from streams.records import Axis

LINE = (Axis(80, -20, 20, "time [ns]"),)
MAP = (Axis(16, 0, 16, "x"), Axis(12, 0, 12, "y"))


def shape(axes):
    return np.random.default_rng(3).exponential(50, tuple(axis.bins for axis in axes)) + 1


def peak():
    return 1000 * np.exp(-0.5 * ((np.arange(80) - 44.5) / 5) ** 2)


@pytest.mark.parametrize("kind", EFFECTS)
@pytest.mark.parametrize("axes", [LINE, MAP], ids=["1-D", "2-D"])
@given(severity=st.floats(0.001, 1), seed=st.integers(0, 2**32))
def test_every_effect_keeps_the_shape_is_pure_and_repeatable(kind, axes, severity, seed):
    mean = shape(axes)
    before = mean.copy()

    results = [EFFECTS[kind](mean, axes, severity, np.random.default_rng(seed)) for _ in range(2)]

    assert results[0].shape == mean.shape
    assert np.isfinite(results[0]).all()
    assert (results[0] >= 0).all()
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(mean, before)


@pytest.mark.parametrize("kind", EFFECTS)
def test_an_empty_histogram_stays_empty(kind):
    assert EFFECTS[kind](np.zeros(80), LINE, 0.5, np.random.default_rng(0)).sum() == 0


@pytest.mark.parametrize(("axes", "severity"), [(LINE, 0.1), (LINE, 0.5), (MAP, 0.25), (MAP, 1.0)])
def test_dead_bins_are_a_block_of_the_stated_share(axes, severity):
    mean = shape(axes)

    broken = EFFECTS[FaultKind.DEAD](mean, axes, severity, np.random.default_rng(1))

    assert (broken == 0).mean() == pytest.approx(severity, abs=0.08)
    assert np.array_equal(broken[broken > 0], mean[broken > 0])
    for along in np.nonzero(broken == 0):
        assert set(np.diff(np.unique(along))) <= {1}


@pytest.mark.parametrize(("kind", "bins"), [(FaultKind.HOT, 1), (FaultKind.NOISY, 26)])
def test_excess_is_the_stated_share_in_the_stated_number_of_bins(kind, bins):
    mean = shape(LINE)

    excess = EFFECTS[kind](mean, LINE, 0.3, np.random.default_rng(1)) - mean

    assert excess.sum() == pytest.approx(0.3 * mean.sum())
    assert (excess > 0).sum() == bins


def test_shift_moves_the_mean_by_standard_deviations():
    mean = peak()
    at = np.arange(80)
    for seed in range(4):
        after = EFFECTS[FaultKind.SHIFT](mean, LINE, 0.6, np.random.default_rng(seed))
        assert abs(np.average(at, weights=after) - 44.5) == pytest.approx(3.0, abs=0.02)


def test_gain_stretches_about_zero_of_the_axis():
    values = np.linspace(-19.75, 19.75, 80)
    for seed in range(4):
        after = EFFECTS[FaultKind.GAIN](peak(), LINE, 0.5, np.random.default_rng(seed))
        factor = np.average(values, weights=after) / np.average(values, weights=peak())
        assert min(abs(factor - 1.25), abs(factor - 0.8)) < 0.01


@pytest.mark.parametrize("axes", [LINE, MAP], ids=["1-D", "2-D"])
def test_swap_exchanges_and_neither_makes_nor_loses_counts(axes):
    mean = shape(axes)

    after = EFFECTS[FaultKind.SWAP](mean, axes, 0.5, np.random.default_rng(2))

    assert np.array_equal(np.sort(after, axis=None), np.sort(mean, axis=None))
    changed = (after != mean).reshape(mean.shape[0], -1).any(axis=1)
    assert changed.sum() == mean.shape[0] // 2


def test_low_statistics_loses_the_stated_share():
    assert EFFECTS[FaultKind.LOW_STATISTICS](peak(), LINE, 0.9, np.random.default_rng(0)) == pytest.approx(0.1 * peak())
