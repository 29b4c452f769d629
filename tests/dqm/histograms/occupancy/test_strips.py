"""Strips are made alike, whatever their length and luminosity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import median_filter

from dqm.histograms.occupancy.shapes import LENGTH, median_filtered, prepared, resized

strips = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=120).filter(lambda shape: shape[0] <= 4),
    elements=st.floats(0, 1e6, width=32),
)


@given(strips)
def test_the_median_is_that_of_three_neighbours(values):
    np.testing.assert_array_equal(median_filtered(values), median_filter(values, size=(1, 3), mode="nearest"))


@given(strips)
def test_resizing_interpolates_from_end_to_end(values):
    result = resized(values, LENGTH)
    places = np.linspace(0, values.shape[1] - 1, LENGTH)
    expected_rows = [np.interp(places, np.arange(values.shape[1]), value) for value in values]
    np.testing.assert_allclose(result, expected_rows, rtol=1e-4, atol=1e-4 * float(values.max() + 1))


@given(strips)
def test_prepared_strips_have_one_length_and_reach_from_nought_to_one(values):
    result = prepared(values)
    assert result.shape == (len(values), LENGTH)
    assert result.dtype == np.float32
    assert (result >= 0).all()
    assert (result <= 1).all()
    full = median_filtered(values).max(axis=1) > 0
    assert (result[full & (resized(median_filtered(values), LENGTH).max(axis=1) > 0)].max(axis=1, initial=1) == 1).all()


def test_luminosity_does_not_matter():
    values = np.random.default_rng(0).uniform(1, 5, (3, 60)).astype(np.float32)
    np.testing.assert_allclose(prepared(values * 37), prepared(values), rtol=1e-5)


@pytest.mark.parametrize("spoil", [0.0, 50.0])
def test_one_channel_alone_is_no_matter(spoil):
    values = np.ones((1, 60), dtype=np.float32)
    values[0, 17] = spoil
    np.testing.assert_array_equal(prepared(values), np.ones((1, LENGTH)))


def test_two_channels_beside_each_other_are():
    values = np.ones((1, 60), dtype=np.float32)
    values[0, 17:19] = 0
    assert prepared(values).min() < 0.5


def test_an_empty_strip_stays_empty():
    assert not prepared(np.zeros((2, 30), dtype=np.float32)).any()
