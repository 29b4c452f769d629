"""Scores become p-values that mean what they say."""

import numpy as np
import pytest
from scipy.stats import kstest

from dqm.core.calibration import calibrate

K, N = 3, 30
GROUPS = [slice(0, 12), slice(12, 30)]
ALL = np.ones((K, N), dtype=bool)


def scores(rng, lumisections):
    """Log-normal scores that follow statistics and pileup differently for each ME, and are alike among scorers."""
    totals = np.exp(rng.uniform(7, 9, (lumisections, N)))
    pileup = rng.uniform(-2, 2, lumisections)
    own = np.random.default_rng(9)
    level, slope = own.normal(size=(K, 1, N)), 0.3 * own.normal(size=(K, 1, N))
    common = rng.normal(size=(1, lumisections, N))
    noise = 0.7 * common + 0.7 * rng.normal(size=(K, lumisections, N))
    logs = level + slope * (np.log(totals) - 8) + 0.1 * pileup[:, None] + 0.2 * noise
    return tuple(item.astype(np.float32) for item in (np.exp(logs), totals, pileup))


def runs(lumisections):
    """Eight lumisections each."""
    return np.arange(lumisections) // 8


@pytest.mark.parametrize("seed", range(5))
def test_p_values_of_new_scores_are_uniform(seed):
    rng = np.random.default_rng(seed)
    result = calibrate(*scores(rng, 160), np.ones((160, N), dtype=bool), GROUPS, ALL, runs(160))
    p = result.elements(GROUPS).p_values(*scores(rng, 400))
    assert kstest(p.ravel()[:: N + 1], "uniform").pvalue > 1e-3
    assert (p <= 0.01).mean() == pytest.approx(0.01, rel=0.4)
    assert (p <= 0.001).mean() < 0.0025


def test_p_values_of_the_calibration_set_itself_are_uniform_too():
    rng = np.random.default_rng(7)
    result = calibrate(*scores(rng, 200), np.ones((200, N), dtype=bool), GROUPS, ALL, runs(200))
    assert (result.p_values <= 0.05).mean() == pytest.approx(0.05, rel=0.15)


def test_worse_scores_have_smaller_p_values():
    rng = np.random.default_rng(8)
    result = calibrate(*scores(rng, 160), np.ones((160, N), dtype=bool), GROUPS, ALL, runs(160)).elements(GROUPS)
    values, totals, pileup = scores(rng, 50)
    assert (result.p_values(values * 1.3, totals, pileup) <= result.p_values(values, totals, pileup)).all()
    assert (result.p_values(values * 10, totals, pileup) < 1e-4).all()


def test_elements_with_few_scores_are_not_judged():
    use = np.ones((160, N), dtype=bool)
    use[1:, 4] = False
    result = calibrate(*scores(np.random.default_rng(1), 160), use, GROUPS, ALL, runs(160))
    assert np.flatnonzero(~result.normaliser.judged).tolist() == [4]
    assert np.isnan(result.p_values[1:, 4]).all()


def test_a_group_that_was_never_seen_hurts_nobody():
    use = np.ones((160, N), dtype=bool)
    use[:, GROUPS[0]] = False
    result = calibrate(*scores(np.random.default_rng(2), 160), use, GROUPS, ALL, runs(160))
    p = result.elements(GROUPS).p_values(*scores(np.random.default_rng(3), 300))
    assert (p[:, GROUPS[1]] <= 0.01).mean() == pytest.approx(0.01, rel=0.5)


def test_a_scorer_has_no_say_about_elements_that_it_is_not_made_for():
    """P-values of the others are what they would be without it, and those of its own elements stay uniform."""
    covered = ALL.copy()
    covered[0, 3:] = False
    rng = np.random.default_rng(3)
    use = np.ones((160, N), dtype=bool)
    result = calibrate(*scores(rng, 160), use, GROUPS, covered, runs(160)).elements(GROUPS)
    values, totals, pileup = scores(rng, 400)
    loud = values.copy()
    loud[0, :, 3:] *= 1e6
    np.testing.assert_array_equal(result.p_values(loud, totals, pileup), result.p_values(values, totals, pileup))
    loud[0] *= 1e6
    assert (result.p_values(loud, totals, pileup)[:, :3] < 1e-4).all()
    assert (result.p_values(values, totals, pileup)[:, :3] <= 0.05).mean() == pytest.approx(0.05, rel=0.6)
