"""Faults put into good strips are regions that a person would see."""

import numpy as np
import pytest

from dqm.histograms.occupancy.injected_faults import (
    HOTTEST,
    LEAST_AMOUNT,
    LEAST_REGION,
    MOST_SHARE,
    STRIP_SIGNIFICANCE,
    inject_strip_faults,
)


@pytest.fixture(scope="module")
def pair():
    rng = np.random.default_rng(1)
    good = rng.poisson(300, (4000, 60)).astype(np.float32)
    return good, *inject_strip_faults(good, rng)


def hit(good, broken):
    """First and last channel that changed, and how many counts the channels between had and have."""
    for before, after in zip(good, broken, strict=True):
        changed = np.flatnonzero(before != after)
        region = slice(changed[0], changed[-1] + 1)
        yield changed[-1] - changed[0] + 1, before[region].sum(), after[region].sum()


def test_one_region_changes_and_nothing_else(pair):
    good, broken, possible = pair
    assert possible.all()
    sizes = np.array([size for size, _, _ in hit(good, broken)])
    assert sizes.max() <= 60 * MOST_SHARE + 1
    assert sizes.min() >= LEAST_REGION - 1
    assert np.median(sizes) < 12


def test_the_change_can_be_seen(pair):
    good, broken, _ = pair
    changes = np.array([(after - before) / before for _, before, after in hit(good, broken)])
    assert np.abs(changes).min() > LEAST_AMOUNT - 0.25
    assert changes.max() < HOTTEST
    assert (changes > 0).mean() == pytest.approx(1 / 3, abs=0.05)
    assert (changes < -0.9).any()


def test_counts_are_whole_and_not_negative(pair):
    _, broken, _ = pair
    np.testing.assert_array_equal(broken, np.rint(broken))
    assert broken.min() >= 0


def test_strips_with_too_few_counts_are_left_alone():
    """Three channels of one count each cannot lose five standard deviations."""
    few = np.ones((50, 9), dtype=np.float32)
    broken, possible = inject_strip_faults(few, np.random.default_rng(0))
    assert not possible.any()
    np.testing.assert_array_equal(broken, few)
    assert few[0, :3].sum() < STRIP_SIGNIFICANCE**2


def test_an_empty_strip_is_left_alone():
    broken, possible = inject_strip_faults(np.zeros((3, 40), dtype=np.float32), np.random.default_rng(0))
    assert not possible.any()
    assert not broken.any()


def test_the_same_generator_gives_the_same_faults():
    good = np.full((20, 50), 80, dtype=np.float32)
    first, _ = inject_strip_faults(good, np.random.default_rng(5))
    second, _ = inject_strip_faults(good, np.random.default_rng(5))
    np.testing.assert_array_equal(first, second)
