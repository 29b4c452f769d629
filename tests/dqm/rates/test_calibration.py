"""Calibration on lumisections that were not all good."""

from dataclasses import replace

import numpy as np
import pytest

from conf.settings import AlertSettings
from dqm.rates.calibration import PLAIN, calibrate, limits
from dqm.rates.residuals import RateResiduals

SEEDS, PATHS, LENGTH = 4, 40, 3000
N = SEEDS + PATHS


def residuals(away):
    whole, of_seeds = np.zeros((len(away), N)), np.zeros((len(away), SEEDS))
    rng = np.random.default_rng(1)
    together = rng.normal(size=of_seeds.shape)
    return RateResiduals(whole == 0, whole, whole + 200.0, away, away.copy(), together, rng.normal(size=len(away)))


@pytest.fixture
def calibrating():
    """Good lumisections with scans among them, in which all rates lie as far off as faults do."""
    away = np.random.default_rng(2).normal(size=(LENGTH, N))
    for start in range(100, LENGTH, 300):
        away[start : start + 10] += 9.0
    return residuals(away)


def faulty(off_curve):
    """One lumisection in which one path lies 6 standard deviations off given the seeds, and ``off_curve`` so far."""
    away = np.zeros((1, N))
    away[0, -1] = 6.0
    of_curve = away.copy()
    of_curve[0, -1] = off_curve
    return replace(residuals(away), off_curve=of_curve)


def test_scans_in_calibration_do_not_hide_what_the_plain_fit_sees(calibrating):
    calibration = calibrate(calibrating, SEEDS)
    p_value = calibration.p_values(faulty(6.0)).rows[0, -1]
    limit = limits(calibration.p_values(calibrating), SEEDS, 1.0, 8.0, AlertSettings())
    assert p_value <= limit.paths
    assert p_value < 2.1e-9
    # The tables alone say that one rate in thirty lies as far off.
    assert calibration.rows[-1].p_values(np.array([6.0], dtype=np.float32))[0] > 0.01


def test_what_the_seeds_explain_has_the_p_value_of_the_tables(calibrating):
    calibration = calibrate(calibrating, SEEDS)
    assert calibration.p_values(faulty(PLAIN - 0.1)).rows[0, -1] > 0.01
