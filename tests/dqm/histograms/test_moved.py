import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dqm.histograms.fault_hypotheses import remapped, scale_edges, shift_edges

contents = arrays(float, st.integers(3, 40), elements=st.floats(0, 1e6))


@given(contents)
def test_nothing_moved_is_nothing_changed(values):
    assert remapped(values, shift_edges(len(values), 0.0)) == pytest.approx(values, rel=1e-9, abs=1e-6)
    assert remapped(values, scale_edges(len(values), 1.0, 3.3)) == pytest.approx(values, rel=1e-9, abs=1e-6)


@given(contents, st.integers(-50, 50))
def test_whole_cells_move_whole_cells(values, by):
    expected = np.zeros_like(values)
    for place, value in enumerate(values):
        if 0 <= place + by < len(values):
            expected[place + by] = value

    assert remapped(values, shift_edges(len(values), float(by))) == pytest.approx(expected, rel=1e-9, abs=1e-5)


@given(contents, st.floats(-60, 60), st.floats(0.2, 5))
def test_counts_are_never_made_and_never_negative(values, by, factor):
    for edges in (shift_edges(len(values), by), scale_edges(len(values), factor, by)):
        result = remapped(values, edges)
        assert (result >= 0).all()
        assert result.sum() <= values.sum() * (1 + 1e-9) + 1e-6


def test_many_moves_at_once_are_the_single_ones_and_other_axes_stay():
    values = np.random.default_rng(0).exponential(size=(12, 5))
    moves = np.array([-1.5, 0.25, 3.0])

    together = remapped(values, shift_edges(12, moves[:, None]))

    for row, by in zip(together, moves, strict=True):
        assert row == pytest.approx(remapped(values, shift_edges(12, by)))
        for column in range(5):
            assert row[:, column] == pytest.approx(remapped(values[:, column], shift_edges(12, by)))


def test_stretching_doubles_the_distance_from_the_origin():
    values = np.zeros(100)
    values[30] = 8.0

    stretched = remapped(values, scale_edges(100, 2.0, 0.0))

    assert np.flatnonzero(stretched).tolist() == [60, 61]
    assert stretched.sum() == pytest.approx(8.0)
