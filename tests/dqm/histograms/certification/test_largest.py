"""The largest errors are a mergeable sufficient statistic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqm.core.largest_errors import NOTHING, NUMBERS, Largest

MEMBERS, ELEMENTS, MOST = 2, 5, 9
F = ELEMENTS * NUMBERS


@st.composite
def parts(draw):
    """The errors of some MEs; what two parts hold of one ME may differ, because each saw it in other company."""
    seed = draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    errors = rng.integers(0, 6, (MEMBERS, F)).astype(np.float32)
    use = np.repeat(rng.random(ELEMENTS) < draw(st.sampled_from([0.0, 0.3, 0.7, 1.0])), NUMBERS)
    return errors, use


def of(part):
    return Largest.of(*part, MOST)


@settings(max_examples=60)
@given(parts(), parts(), parts())
def test_order_grouping_and_repetition_change_nothing(a, b, c):
    a, b, c = of(a), of(b), of(c)
    together = a.merged(b).merged(c)
    for other in (c.merged(a).merged(b), a.merged(b.merged(c)), together.merged(b), b.merged(together).merged(a)):
        assert other.same(together)


@settings(max_examples=60)
@given(parts(), parts())
def test_merging_is_taking_the_largest_of_all(a, b):
    errors = np.maximum(np.where(a[1], a[0], -1), np.where(b[1], b[0], -1))
    whole = Largest.of(np.maximum(errors, 0), a[1] | b[1], MOST)
    assert of(a).merged(of(b)).same(whole)


@settings(max_examples=60)
@given(parts())
def test_what_is_kept_are_the_first_of_all_in_order(part):
    errors, use = part
    result = of(part)
    for own, kept_errors, kept_features in zip(errors, result.errors, result.features, strict=True):
        order = sorted(np.flatnonzero(use), key=lambda at: (-own[at], at))[:MOST]
        assert kept_features[kept_features != NOTHING].tolist() == order
        assert kept_errors[: len(order)].tolist() == own[order].tolist()


def test_the_score_is_the_mean_of_the_largest():
    errors = np.array([[1.0, 9.0, 4.0, 2.0]], dtype=np.float32)
    item = Largest.of(errors, np.ones(4, dtype=bool), 2)
    assert item.features.tolist() == [[1, 2]]
    assert item.scores().tolist() == [6.5]


def test_fewer_than_are_kept_do_not_dilute():
    item = Largest.of(np.array([[3.0, 5.0]], dtype=np.float32), np.array([True, False]), 4)
    assert item.features.tolist() == [[0, NOTHING, NOTHING, NOTHING]]
    assert item.scores().tolist() == [3.0]


def test_nothing_has_no_score():
    item = Largest.of(np.ones((2, F), dtype=np.float32), np.zeros(F, dtype=bool), MOST)
    assert np.isnan(item.scores()).all()


def test_elements_can_be_numbered_anew_and_dropped():
    errors = np.arange(3 * NUMBERS, dtype=np.float32)[None]
    item = Largest.of(errors, np.ones(3 * NUMBERS, dtype=bool), 3 * NUMBERS)
    moved = item.moved(np.array([4, -1, 0]), NUMBERS)
    assert sorted(moved.features[moved.features >= 0]) == sorted([*range(7), *range(28, 35)])
    at = {int(f): float(e) for f, e in zip(moved.features[0], moved.errors[0], strict=True) if f >= 0}
    assert at[0] == 14.0
    assert at[28] == 0.0


@pytest.mark.parametrize("rows", [np.arange(3), np.array([2, 0, 1])])
def test_numbering_there_and_back_changes_nothing(rows):
    rng = np.random.default_rng(0)
    item = Largest.of(rng.random((2, 21), dtype=np.float32), np.ones(21, dtype=bool), 10)
    assert item.moved(rows, NUMBERS).moved(np.argsort(rows), NUMBERS).same(item)
