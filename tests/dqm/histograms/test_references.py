"""What good lumisections look like: shapes, movements, entries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.core.pileup import pileup_scale
from dqm.histograms.features import features
from dqm.histograms.references import entries, frozen
from streams.records import Conditions

L, N, BINS = 240, 3, 24


def good(rng, lumisections=L, total=5000.0, slope=0.0, drift=0.0, phase=0.0):
    shape = np.random.default_rng(5).gamma(6.0, size=(N, BINS))
    shape /= shape.sum(axis=1, keepdims=True)
    tilt = np.random.default_rng(6).normal(size=(N, BINS))
    move = np.random.default_rng(7).normal(size=(N, BINS))
    x = rng.uniform(-1.5, 1.5, lumisections)
    wave = np.sin(np.arange(lumisections) / 9.0 + phase)
    means = total * shape * np.maximum(1 + slope * x[:, None, None] * tilt + drift * wave[:, None, None] * move, 0.05)
    return rng.poisson(means).astype(np.float32), x.astype(np.float32)


USE = np.ones((L, N), dtype=bool)
RUNS = np.arange(L) // 20


def test_pulls_of_good_histograms_have_unit_spread():
    rng = np.random.default_rng(0)
    reference = frozen.fit(*good(rng, slope=0.05), USE, RUNS)
    pulls = features(*good(rng, slope=0.05), reference).pulls
    assert abs(float(pulls.mean())) < 0.05
    assert 0.93 < float(pulls.std()) < 1.07


def test_the_shape_follows_pileup():
    """Without the slope the pulls at the ends of the pileup range would be several standard deviations."""
    rng = np.random.default_rng(1)
    counts, pileup = good(rng, slope=0.1)
    followed = features(counts, pileup, frozen.fit(counts, pileup, USE, RUNS)).pulls
    few = np.repeat(np.arange(L)[:, None] % 24 == 0, N, axis=1)
    ignored = features(counts, 0 * pileup, frozen.fit(counts, 0 * pileup, few, RUNS)).pulls
    assert followed.std() < 1.1 < ignored.std()


def test_pileup_that_does_not_matter_is_not_followed():
    counts, pileup = good(np.random.default_rng(2))
    reference = frozen.fit(counts, pileup, USE, RUNS)
    assert np.abs(reference.slope / reference.share).max() < 0.02


@given(seed=st.integers(0, 2**32 - 1), middle=st.floats(-2.5, 2.5), steepness=st.floats(-8.0, 8.0))
def test_no_expectation_is_negative_at_any_pileup(seed, middle, steepness):
    """Also where training saw one end of the range only, from which a steep line would lead below zero."""
    rng = np.random.default_rng(seed)
    pileup = rng.normal(middle, 0.4, 60).clip(-frozen.PILEUP_REACH, frozen.PILEUP_REACH).astype(np.float32)
    tilt = np.linspace(-1.0, 1.0, BINS)
    counts = rng.poisson(50.0 * np.exp(0.3 * steepness * pileup[:, None, None] * tilt)).astype(np.float32)
    reference = frozen.fit(counts, pileup, np.ones((60, 1), dtype=bool), RUNS[:60])
    ends = np.array([-frozen.PILEUP_REACH, frozen.PILEUP_REACH], dtype=np.float32)
    assert (reference.expected(np.full((2, 1), 1e4, dtype=np.float32), ends) > 0).all()


def test_movements_go_on_farther_than_training_saw_without_alarm():
    """Three times as far; a movement in another direction of the same size stays visible."""
    rng = np.random.default_rng(3)
    reference = frozen.fit(*good(rng, drift=0.06), USE, RUNS)
    assert len(reference.modes.directions) >= 1
    farther = features(*good(rng, drift=0.18), reference).pulls
    assert farther.std() < 1.25
    counts, pileup = good(rng)
    other = counts * (1 + 0.18 * np.random.default_rng(99).normal(size=(N, BINS)))
    assert features(np.maximum(other, 0).astype(np.float32), pileup, reference).pulls.std() > 2


def test_movements_have_a_limit():
    rng = np.random.default_rng(4)
    reference = frozen.fit(*good(rng, drift=0.02), USE, RUNS)
    far = features(*good(rng, drift=0.6), reference).pulls
    assert far.std() > 2


@pytest.mark.parametrize(("runs", "most"), [(2, 0), (3, 0), (4, 1), (8, 1)])
def test_a_movement_that_few_runs_have_seen_is_not_ordinary(runs, most):
    counts, pileup = good(np.random.default_rng(3), drift=0.06)
    reference = frozen.fit(counts, pileup, USE, np.arange(L) * runs // L)
    assert len(reference.modes.directions) == most


def test_statistics_alone_make_no_movements():
    reference = frozen.fit(*good(np.random.default_rng(5)), USE, RUNS)
    assert len(reference.modes.directions) == 0


def test_a_few_bad_lumisections_among_the_good_do_no_harm():
    rng = np.random.default_rng(6)
    counts, pileup = good(rng)
    spoilt = counts.copy()
    spoilt[::15, :, :6] = 0
    reference, clean = frozen.fit(spoilt, pileup, USE, RUNS), frozen.fit(counts, pileup, USE, RUNS)
    np.testing.assert_allclose(reference.share, clean.share, rtol=0.03)


def test_histograms_not_to_be_used_are_not_used():
    rng = np.random.default_rng(7)
    counts, pileup = good(rng)
    use = USE.copy()
    use[100:] = False
    spoilt = counts.copy()
    spoilt[100:] = 1e6
    np.testing.assert_array_equal(
        frozen.fit(spoilt, pileup, use, RUNS).share, frozen.fit(counts, pileup, use, RUNS).share
    )


def test_references_round_trip():
    reference = frozen.fit(*good(np.random.default_rng(8), drift=0.05), USE, RUNS)
    again = frozen.FrozenReference.from_arrays(reference.arrays())
    counts, pileup = good(np.random.default_rng(9))
    assert features(counts, pileup, again).pulls.tobytes() == features(counts, pileup, reference).pulls.tobytes()


def conditions(pileup, lumi):
    return Conditions(pileup=pileup, recorded_lumi=lumi)


@pytest.fixture(scope="module")
def entries_model():
    rng = np.random.default_rng(1)
    pileup = rng.uniform(20, 60, 300)
    lumi = pileup / 200 * rng.uniform(0.5, 1, 300)
    counts = rng.poisson(np.stack([50_000 * lumi, 400 * lumi * pileup], axis=1)).astype(float)
    counts[::20] *= 0.01
    return entries.fit(counts, [conditions(*item) for item in zip(pileup, lumi, strict=True)])


def test_expected_entries_follow_luminosity_and_pileup(entries_model):
    for pileup, lumi in ((25.0, 0.08), (55.0, 0.2)):
        expected, _ = entries_model.expected([conditions(pileup, lumi)])
        np.testing.assert_allclose(expected[0], [50_000 * lumi, 400 * lumi * pileup], rtol=0.05)


def test_unknown_conditions_fall_back_to_the_median(entries_model):
    expected, spread = entries_model.expected([Conditions()])
    assert (expected > 1000).all()
    assert (spread > entries_model.spread).all()


def test_lack_grows_as_entries_shrink(entries_model):
    expected, spread = entries_model.expected([conditions(40.0, 0.15)])
    lacks = [entries_model.lack(np.full((1, 2), n), expected, spread)[0] for n in (8000.0, 4000.0, 400.0, 0.0)]
    assert (np.diff(np.array(lacks), axis=0) > 0).all()
    assert np.isfinite(lacks).all()


@pytest.mark.parametrize("bad", [conditions(0.0, 0.1), conditions(40.0, 0.0), conditions(float("nan"), 0.1)])
def test_impossible_conditions_count_as_unknown(bad):
    assert entries.regressors(bad) is None


def test_pileup_is_standardised_within_reach():
    scale = pileup_scale([conditions(item, 1.0) for item in np.linspace(30, 50, 100)])
    assert scale.standardised(conditions(40.0, 1.0)) == pytest.approx(0, abs=1e-6)
    assert scale.standardised(conditions(1e9, 1.0)) == frozen.PILEUP_REACH
    assert scale.standardised(Conditions()) == 0
