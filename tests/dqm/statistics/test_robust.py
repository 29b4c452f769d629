"""Lines and spreads that outliers do not move."""

import numpy as np
import pytest

from dqm.statistics.robust import fit_lines, scale


def test_a_tenth_of_outliers_hardly_moves_the_line():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    values = np.stack([2 + 0.5 * x, -1 - 3 * x], axis=1) + 0.1 * rng.normal(size=(300, 2))
    values[::10] += 50
    design = np.stack([np.ones((300, 2)), np.stack([x, x], axis=1)], axis=-1)
    result = fit_lines(design, values, np.zeros(2))
    np.testing.assert_allclose(result, [[2, 0.5], [-1, -3]], atol=0.05)


def test_missing_values_are_left_out():
    x = np.linspace(-1, 1, 50)
    values = (3 * x)[:, None].copy()
    values[::3] = np.nan
    design = np.stack([np.ones((50, 1)), x[:, None]], axis=-1)
    assert fit_lines(design, values, np.zeros(2))[0, 1] == pytest.approx(3, rel=1e-6)


def test_scale_is_the_standard_deviation_of_a_normal_sample():
    rng = np.random.default_rng(1)
    values = rng.normal(scale=2.5, size=(20_000, 1))
    assert scale(values)[0] == pytest.approx(2.5, rel=0.03)
    assert np.isnan(scale(np.full((4, 1), np.nan))[0])
