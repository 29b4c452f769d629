"""Histograms that moved: whether they have stayed there, and since when."""

import numpy as np
import pytest

from dqm.core.stability import LEAST_LUMISECTIONS, stable_state

BINS = 80
PLACES = np.linspace(-3, 3, BINS)


def bell(middle):
    shape = np.exp(-0.5 * (PLACES - middle) ** 2) + 0.02
    return shape / shape.sum()


def drawn(shape, number, entries=50_000):
    return np.random.default_rng([number, 3]).poisson(entries * shape).astype(np.float64)


def state(counts):
    return stable_state(counts, [1e3 * bell(0.0)] * len(counts), LEAST_LUMISECTIONS)


def test_what_moved_is_stable_from_where_it_arrived():
    counts = [drawn(bell(middle), number) for number, middle in enumerate([0.05, 0.1, 0.2, *[0.5] * 9])]
    result = state(counts)
    assert (result.length, result.moved) == (9, True)


def test_a_dead_channel_is_stable_but_did_not_move_as_a_whole():
    shape = bell(0.0)
    shape[40:43] = 0.0
    result = state([drawn(shape / shape.sum(), number) for number in range(7)])
    assert (result.length, result.moved) == (7, False)


@pytest.mark.parametrize("entries", [400, 50_000])
def test_what_lies_at_its_reference_has_not_moved(entries):
    assert state([drawn(bell(0.0), number, entries) for number in range(9)]) is None


def test_what_goes_on_moving_is_not_stable():
    assert state([drawn(bell(0.15 * number), number) for number in range(9)]) is None


def test_few_or_empty_histograms_say_nothing():
    assert state([drawn(bell(0.5), number) for number in range(LEAST_LUMISECTIONS - 1)]) is None
    assert state([np.zeros(BINS)] * 9) is None
