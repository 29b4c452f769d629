import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.rates.residuals import ALONE, moved_together

SEED_OF = np.array([0, 1, 0, 1, 0, 1, 0, 0, 2])
INFORMATION = np.full((1, len(SEED_OF)), 100.0)


def together(away, information=INFORMATION):
    return moved_together(np.asarray(away, dtype=float)[None], information, SEED_OF, 3)[0]


@given(st.floats(-1e6, 1e6), st.integers(0, len(SEED_OF) - 1))
def test_one_path_that_moves_is_no_group(size, path):
    away = np.zeros(len(SEED_OF))
    away[path] = size
    # Two standard deviations are all that one path may count, among paths that say as much as it does.
    assert np.abs(np.nan_to_num(together(away))).max() <= ALONE / np.sqrt(3) + 1e-9


@given(st.floats(0.5, 10.0), st.sampled_from([-1.0, 1.0]))
def test_paths_that_move_as_one_are_a_group(size, sign):
    away = np.where(SEED_OF == 0, sign * size, 0.0)
    result = together(away)
    # Of five paths three are left out: two of equal information remain.
    assert result[0] == pytest.approx(sign * max(size * np.sqrt(2), min(size, ALONE) * np.sqrt(5)))
    assert result[1] == pytest.approx(0.0)


def test_fewer_than_two_paths_are_no_group():
    assert np.isnan(together(np.ones(len(SEED_OF)))[2])
    information = np.where(SEED_OF == 1, 0.0, INFORMATION)
    assert np.isnan(together(np.ones(len(SEED_OF)), information)[1])


@given(st.permutations(range(len(SEED_OF))))
def test_the_order_of_paths_does_not_matter(order):
    away = np.random.default_rng(3).normal(2, 1, len(SEED_OF))
    order = np.array(order)
    information = np.random.default_rng(4).uniform(1, 100, (1, len(SEED_OF)))
    mixed = moved_together(away[None, order], information[:, order], SEED_OF[order], 3)[0]
    assert mixed == pytest.approx(together(away, information), nan_ok=True)
