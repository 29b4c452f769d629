"""Following the level of rates: what is learned, what is not, and what sums of pulls see."""

import numpy as np
import pytest

from dqm.rates.levels.level import LEARNED, PATIENCE, SUMS, UNKNOWN, VARIANCE, WIDEST, Track, walk

N = 200
SPREAD = np.array([0.003])


def walked(counts, level=LEARNED, curve=400.0, moved=None, training=False, pileup=None):
    counts = np.atleast_1d(np.asarray(counts, dtype=float))[:, None]
    length = len(counts)
    pileup = np.full(length, 50.0) if pileup is None else pileup
    conditions = np.arange(1, length + 1), pileup, np.zeros(length) if moved is None else moved
    use = np.ones((length, 1), dtype=bool)
    expected = np.full((length, 1), curve)
    return walk(Track.begin(level[:, None]), counts, expected, use, conditions, SPREAD, training=training)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_pulls_of_good_counts_are_normal(rng):
    pulls = walked(rng.poisson(400, 4000)).pulls[20:, 0]
    assert abs(pulls[:, 0].mean()) < 0.05
    assert abs(pulls[:, 0].std() - 1) < 0.05
    assert 0.985 < np.mean(np.abs(pulls[:, 0]) < 2.576) < 0.995
    for count, sums in enumerate(pulls.T[1:], 1):
        off = sums[sums != 0]
        assert 0.0005 < np.mean(np.abs(sums) > 2.576) < 0.012, SUMS[count]
        assert (np.sign(off) == np.sign(pulls[sums != 0, 0])).all()


def test_an_unknown_level_is_learned_within_a_few_lumisections(rng):
    walk_result = walked(rng.poisson(90, 40), UNKNOWN)
    assert walk_result.spread[0, 0] > WIDEST
    assert walk_result.spread[5, 0] < WIDEST
    np.testing.assert_allclose(walk_result.factor[-1, 0], 90 / 400, rtol=0.1)


def test_a_slope_in_pileup_is_learned(rng):
    pileup = np.tile(np.linspace(60, 30, N // 2), 2)
    truth = 400 * (pileup / 50) ** 0.4
    walk_result = walked(rng.poisson(truth), UNKNOWN, pileup=pileup)
    np.testing.assert_allclose(400 * walk_result.factor[N // 2 :, 0], truth[N // 2 :], rtol=0.08)


def test_a_fault_is_seen_in_sums_and_not_learned(rng):
    good = rng.poisson(140, 100)
    faulty = np.concatenate([good, rng.poisson(140 * 0.7, 60)])
    walk_result = walked(faulty, curve=140.0)
    largest = np.abs(np.nan_to_num(walk_result.pulls[:, 0])).max(axis=1)
    assert largest[:100].max() < 4
    assert largest[103] > 4.5
    np.testing.assert_allclose(walk_result.factor[-1, 0], 1, atol=0.1)


def test_one_lumisection_is_no_change_that_lasts(rng):
    counts = rng.poisson(400, 60)
    counts[30] = 200
    pulls = np.abs(np.nan_to_num(walked(counts).pulls[:, 0]))
    assert pulls[30, 0] > 8
    assert pulls[30:, 1:].max() < 4


def test_a_change_of_many_counts_is_large_only_beyond_the_middle_to_a_half(rng):
    small, large = np.full(60, 400.0), np.full(60, 30.0)
    small[40:50] *= 0.8
    large[40:50] *= 0.5
    of_small, of_large = walked(small), walked(large, curve=30.0)
    assert (of_small.pulls[41:50, 0].min(axis=1) < -4.5).all()
    assert (np.nan_to_num(of_small.large[40:50]) == 0).all()
    assert (of_large.large[41:50, 0].min(axis=1) < -3.5).all()
    np.testing.assert_array_equal(of_large.large[41:50, 0, 1], of_large.pulls[41:50, 0, 1])


def test_a_sum_needs_more_than_its_farthest_lumisection(rng):
    counts = np.full(40, 30.0)
    counts[20], counts[21] = 8, 23
    assert np.nan_to_num(walked(counts, curve=30.0).pulls[21, 0, 1:]).max() == 0
    counts[21] = 15
    assert walked(counts, curve=30.0).pulls[21, 0, 1] < -4


def test_a_fault_that_is_over_is_no_fault_any_more(rng):
    counts = np.concatenate([rng.poisson(400, 50), rng.poisson(200, 12), rng.poisson(400, 20)])
    pulls = np.abs(np.nan_to_num(walked(counts).pulls[:, 0]))
    assert (pulls[50:62].max(axis=1) > 4.5).all()
    assert (pulls[62:].max(axis=1) > 4.5).sum() <= 3


def test_moved_conditions_widen_the_band_and_teach_nothing(rng):
    counts = rng.poisson(400, 60)
    moved = np.zeros(60)
    moved[30], counts[30] = 0.5, 650
    walk_result = walked(counts, moved=moved)
    assert abs(walk_result.pulls[30, 0, 0]) < 2
    without = walked(np.delete(counts, 30))
    np.testing.assert_allclose(walk_result.factor[-1, 0], without.factor[-1, 0], rtol=0.01)


def test_what_changed_for_good_is_learned_anew_only_in_training(rng):
    counts = np.concatenate([rng.poisson(400, 50), rng.poisson(1400, PATIENCE + 40)])
    np.testing.assert_allclose(walked(counts, training=True).factor[-1, 0], 3.5, rtol=0.1)
    np.testing.assert_allclose(walked(counts).factor[-1, 0], 1, atol=0.1)


def test_a_walk_goes_on_where_it_was_left(rng):
    counts = rng.poisson(400, 50)[:, None].astype(float)
    use, curve = np.ones((50, 1), dtype=bool), np.full((50, 1), 400.0)
    numbers, pileup, moved = np.arange(1, 51), np.linspace(60, 50, 50), np.zeros(50)
    whole = walk(Track.begin(LEARNED[:, None]), counts, curve, use, (numbers, pileup, moved), SPREAD)
    track = Track.begin(LEARNED[:, None])
    for at in range(50):
        rows = slice(at, at + 1)
        part = walk(track, counts[rows], curve[rows], use[rows], (numbers[rows], pileup[rows], moved[rows]), SPREAD)
        track = part.track
        np.testing.assert_array_equal(part.pulls[0], whole.pulls[at])
    np.testing.assert_array_equal(track.level, whole.track.level)


def test_variance_grows_while_nothing_comes():
    counts, use = np.full((2, 1), 400.0), np.zeros((2, 1), dtype=bool)
    conditions = np.array([1, 1001]), np.full(2, 50.0), np.zeros(2)
    walk_result = walk(Track.begin(LEARNED[:, None]), counts, counts, use, conditions, SPREAD)
    assert walk_result.track.level[VARIANCE, 0] > LEARNED[VARIANCE]
    assert walk_result.pulls.shape == (2, 1, len(SUMS))
    assert np.isnan(walk_result.pulls).all()
