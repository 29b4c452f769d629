"""Regions in space and persistence in time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import convolve2d

from dqm.histograms.occupancy.shapes import corrected, neighbourhoods, persistent

stacks = arrays(np.float64, (3, 8), elements=st.floats(-50, 50).map(lambda value: round(value, 3)))


def test_pure_noise_keeps_its_unit():
    noise = np.random.default_rng(0).normal(size=(200, 12, 17)).astype(np.float32)
    assert neighbourhoods(noise, np.ones_like(noise)).std(axis=0) == pytest.approx(1.0, abs=0.25)


def test_neighbourhoods_are_sums_of_three_by_three_seen_cells():
    rng = np.random.default_rng(1)
    pulls = rng.normal(size=(1, 7, 9)).astype(np.float32)
    filled = (rng.random((1, 7, 9)) < 0.7).astype(np.float32)
    box = np.ones((3, 3))
    number = convolve2d(filled[0], box, mode="same")
    expected = convolve2d(pulls[0] * filled[0], box, mode="same") / np.sqrt(np.maximum(number, 1))
    np.testing.assert_allclose(neighbourhoods(pulls, filled)[0], expected, rtol=1e-4, atol=1e-5)


def test_a_weak_region_stands_out_where_no_cell_of_it_does():
    rng = np.random.default_rng(2)
    pulls = rng.normal(size=(1, 20, 24)).astype(np.float32)
    pulls[0, 5:8, 10:13] -= 2.5
    together = neighbourhoods(pulls, np.ones_like(pulls))
    assert np.abs(pulls).max() < 6
    assert np.unravel_index(np.abs(together[0]).argmax(), (20, 24)) == pytest.approx((6, 11), abs=1)
    assert together.min() < -6


@given(stacks)
def test_what_persists_lies_between_the_least_and_the_greatest(maps):
    persisting = persistent(maps)
    size = np.abs(maps)
    assert (np.abs(persisting) <= size.max(axis=0) * (1 + 1e-9)).all()
    same = (np.sign(maps) == np.sign(maps[0])).all(axis=0) & (maps[0] != 0)
    assert (np.abs(persisting[same]) >= size.min(axis=0)[same] * (1 - 1e-9)).all()
    assert (persisting[~same] == 0).all()
    np.testing.assert_array_equal(np.sign(persisting[same]), np.sign(maps[0][same]))


@given(stacks, st.permutations(range(3)))
def test_the_order_of_lumisections_does_not_matter(maps, order):
    np.testing.assert_allclose(persistent(maps[order]), persistent(maps), rtol=1e-9)


def test_one_map_is_itself_and_unknown_cells_say_nothing():
    item = np.array([[1.5, -2.0, 0.0, np.nan]])
    np.testing.assert_allclose(persistent(item), [1.5, -2.0, 0.0, 0.0])


def test_maps_are_divided_by_the_good_map_where_there_is_one():
    maps = np.array([[4.0, 9.0, 5.0]], dtype=np.float32)
    good = np.array([2.0, 3.0, 0.0], dtype=np.float32)
    np.testing.assert_allclose(corrected(maps, good), [[2.0, 3.0, 0.0]])
