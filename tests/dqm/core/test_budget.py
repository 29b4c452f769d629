"""Thresholds that keep a declared number of false incidents per shift."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.settings import AlertSettings, DqmSettings
from dqm.core.budget import thresholds
from streams.records import LUMISECTION_SECONDS

RULE = AlertSettings(raise_bad=2, raise_of=3)
SETTINGS = DqmSettings()
SHIFT = SETTINGS.shift_hours * 3600 / LUMISECTION_SECONDS


def uniform(rng, folders, lumisections, memory=0.0):
    """P-values of good folders; ``memory`` makes consecutive lumisections alike (a Gaussian copula)."""
    from scipy.stats import norm

    noise = rng.normal(size=(folders, lumisections))
    for at in range(1, lumisections):
        noise[:, at] = memory * noise[:, at - 1] + np.sqrt(1 - memory**2) * noise[:, at]
    return norm.sf(noise)


def incidents(p, threshold):
    """How often 2 of 3 lumisections of a folder are bad, once per stretch."""
    bad = p <= threshold
    raised = bad[:, 2:].astype(int) + bad[:, 1:-1] + bad[:, :-2] >= 2
    return int((raised[:, 1:] & ~raised[:, :-1]).sum() + raised[:, 0].sum())


@pytest.mark.parametrize("memory", [0.0, 0.6, 0.9])
def test_the_budget_holds_on_later_lumisections(memory):
    """Ten calibrations of 250 lumisections each, each watched for 40 shifts."""
    rng = np.random.default_rng(3)
    results = []
    for _ in range(10):
        p = uniform(rng, 30, 250 + int(40 * SHIFT), memory)
        limit = thresholds(p[:, :250], False, 120, SETTINGS, RULE).folder_p
        results.append(incidents(p[:, 250:], limit) / 40)
    assert np.mean(results) < 1.2 * SETTINGS.false_incidents_per_shift


@pytest.mark.parametrize("memory", [0.0, 0.6])
def test_records_of_single_lumisections_stay_within_a_budget_of_their_own(memory):
    """Ten calibrations of 250 lumisections each, each watched for 40 shifts; two records a shift are declared."""
    rng, settings = np.random.default_rng(5), DqmSettings(false_records_per_shift=2.0)
    recorded = []
    for _ in range(10):
        p = uniform(rng, 30, 250 + int(40 * SHIFT), memory)
        limits = thresholds(p[:, :250], False, 120, settings, RULE)
        assert limits.record_p < limits.folder_p
        recorded.append((p[:, 250:] <= limits.record_p).sum() / 40)
    assert 0.1 < np.mean(recorded) < 1.2 * settings.false_records_per_shift


def test_the_threshold_is_not_needlessly_strict():
    """Independent lumisections: within a factor of five of the best threshold, that for 2 of 3."""
    p = uniform(np.random.default_rng(1), 30, 600)
    best = np.sqrt(1 / SHIFT / 30 / 3)
    assert best / 5 < thresholds(p, False, 120, SETTINGS, RULE).folder_p < best * 1.2


@given(st.floats(0.01, 100))
def test_a_larger_budget_never_makes_it_stricter(budget):
    p = uniform(np.random.default_rng(2), 10, 100)
    small = thresholds(p, False, 50, DqmSettings(false_incidents_per_shift=budget), RULE)
    large = thresholds(p, False, 50, DqmSettings(false_incidents_per_shift=2 * budget), RULE)
    assert large.folder_p >= small.folder_p
    assert large.starved_p >= small.starved_p


def test_a_rule_that_raises_at_once_needs_a_stricter_threshold():
    p = uniform(np.random.default_rng(4), 20, 300)
    once = thresholds(p, False, 50, SETTINGS, AlertSettings(raise_bad=1, raise_of=1)).folder_p
    assert once < thresholds(p, False, 50, SETTINGS, RULE).folder_p / 3


def test_folders_that_were_never_inspected_do_not_matter():
    p = uniform(np.random.default_rng(5), 20, 300)
    with_nan = np.concatenate([p, np.full((5, 300), np.nan)])
    more, less = (thresholds(item, False, 50, SETTINGS, RULE).folder_p for item in (p, with_nan))
    assert less == pytest.approx(more, rel=0.3)


def test_whole_runs_raise_at_once_and_have_a_budget_of_their_own():
    p = uniform(np.random.default_rng(6), 1, 200)
    result = thresholds(p, True, 1, SETTINGS, RULE)
    assert result.false_per_lumisection == 0.05
    assert 0.01 < result.folder_p <= 0.05


def test_very_few_lumisections_still_give_a_threshold():
    result = thresholds(uniform(np.random.default_rng(7), 4, 5), False, 10, SETTINGS, RULE)
    assert 0 < result.folder_p < 0.05


def test_whole_subsystems_share_the_budget():
    """With them folders get less, and both together stay within it; without them nothing changes."""
    rng = np.random.default_rng(8)
    p = uniform(rng, 20, 300 + int(60 * SHIFT))
    whole = np.where(np.arange(20)[:, None] == rng.integers(20, size=p.shape[1]), rng.uniform(size=p.shape[1]), 1.0)
    alone = thresholds(p[:, :300], False, 50, SETTINGS, RULE)
    shared = thresholds(p[:, :300], False, 50, SETTINGS, RULE, whole[:, :300])
    assert alone.certification_p == 0
    assert shared.certification_p > 0
    assert shared.folder_p < alone.folder_p
    result = incidents(p[:, 300:], shared.folder_p) + incidents(whole[:, 300:], shared.certification_p)
    assert result / 60 < 1.2 * SETTINGS.false_incidents_per_shift


def test_naming_another_folder_each_time_costs_nothing():
    """The same p-values raise less often where they name folders at random than where they name one."""
    rng = np.random.default_rng(9)
    p = rng.uniform(size=600)
    same = np.where(np.arange(20)[:, None] == 0, p, 1.0)
    roving = np.where(np.arange(20)[:, None] == rng.integers(20, size=600), p, 1.0)
    limits = [thresholds(same, False, 50, SETTINGS, RULE, item).certification_p for item in (same, roving)]
    assert limits[0] <= limits[1]
