"""What distance correlation promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.dqm.distance_correlation import distance_correlation

NUMBERS = st.floats(-1e3, 1e3, width=32).map(lambda value: round(value, 3))
PAIRS = st.integers(2, 20).flatmap(lambda n: arrays(np.float64, (2, n), elements=NUMBERS))


@given(PAIRS)
def test_it_lies_between_0_and_1_and_both_have_the_same_part(pair):
    result = distance_correlation(*pair)
    assert 0 <= result <= 1 + 1e-9
    assert distance_correlation(*pair[::-1]) == pytest.approx(result, abs=1e-9)


@given(PAIRS, st.floats(0.1, 10), st.floats(-100, 100))
def test_units_and_the_order_of_the_pairs_change_nothing(pair, scale, offset):
    result = distance_correlation(*pair)
    assert distance_correlation(scale * pair[0] + offset, pair[1]) == pytest.approx(result, abs=1e-5)
    assert distance_correlation(-pair[0, ::-1], pair[1, ::-1]) == pytest.approx(result, abs=1e-9)


@given(st.integers(2, 20).flatmap(lambda n: arrays(np.float64, n, elements=NUMBERS)))
def test_a_sample_depends_on_itself_and_not_on_a_constant(sample):
    assert distance_correlation(sample, np.ones(len(sample))) == 0
    assert distance_correlation(sample, 3 * sample) == pytest.approx(float(np.ptp(sample) > 0), abs=1e-6)


def test_a_bent_line_is_seen_where_pearsons_is_blind():
    x = np.linspace(-1, 1, 201)
    assert abs(np.corrcoef(x, x**2)[0, 1]) < 1e-12
    assert distance_correlation(x, x**2) > 0.4


def test_independent_samples_come_near_0_as_they_grow():
    rng = np.random.default_rng(0)
    results = [distance_correlation(*rng.normal(size=(2, n))) for n in (50, 200, 800)]
    assert results[0] > results[1] > results[2]
    assert results[2] < 0.08


def test_points_of_several_numbers_are_taken_by_their_distance():
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, 6.28, 200)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert distance_correlation(circle, angle) > 0.5
    assert distance_correlation(circle @ np.array([[0, 1], [-1, 0]]), angle) == pytest.approx(
        distance_correlation(circle, angle)
    )


@pytest.mark.parametrize("sizes", [(1, 1), (3, 4)])
def test_samples_that_make_no_pairs_are_refused(sizes):
    with pytest.raises(ValueError, match="at least 2"):
        distance_correlation(*(np.zeros(size) for size in sizes))
