"""Faults stand out from their neighbours; changes last and agree with themselves."""

import numpy as np
import pytest

from dqm.histograms.references.adaptive import ALIKE, PERSISTS, STANDS_OUT, contrasts, differences, lasting, stands_out

BINS = 50
SMOOTH = 400.0 * (1 + np.sin(np.arange(BINS) / 9.0)) + 50
NOTHING = np.zeros(BINS)


def test_contrasts_of_smooth_histograms_have_unit_variance():
    rng = np.random.default_rng(0)
    result = contrasts(rng.poisson(SMOOTH, (400, BINS)).astype(float))
    assert abs(result.mean()) < 0.1
    assert result.std(axis=0).mean() == pytest.approx(1.0, abs=0.03)


def test_a_linear_trend_of_roots_has_no_contrast():
    roots = np.linspace(10, 60, BINS)
    assert np.abs(contrasts((roots / 2) ** 2 - 0.375)).max() < 1e-9


@pytest.mark.parametrize("bins", [1, 2])
def test_too_few_bins_have_nothing_to_stand_out_from(bins):
    counts = np.full((3, bins), 9.0)
    assert (stands_out(counts, 2 * counts, 0 * counts) == 0).all()


def test_dead_and_hot_bins_stand_out_and_conditions_do_not():
    rng = np.random.default_rng(1)
    counts = rng.poisson(SMOOTH).astype(float)
    moved = rng.poisson(1.2 * np.interp(np.arange(BINS) + 1.0, np.arange(BINS), SMOOTH)).astype(float)
    dead, hot = counts.copy(), counts.copy()
    dead[20], hot[30] = 0.0, 3 * hot[30]
    results = [stands_out(item, SMOOTH, NOTHING) for item in (counts, moved, dead, hot)]
    assert max(results[:2]) < STANDS_OUT < min(results[2:])


def test_what_the_reference_has_itself_does_not_stand_out():
    rough = SMOOTH.copy()
    rough[20] = 0.0
    assert stands_out(np.random.default_rng(2).poisson(rough).astype(float), rough, NOTHING) < STANDS_OUT


def test_bins_that_wander_stand_out_less():
    counts = SMOOTH.copy()
    counts[20] *= 1.5
    plain, tolerant = (stands_out(counts, SMOOTH, np.full(BINS, item)) for item in (0.0, 0.04))
    assert tolerant < plain / 2


def test_two_of_the_same_shape_agree_whatever_their_sizes():
    rng = np.random.default_rng(3)
    item, other = rng.poisson(SMOOTH, (300, BINS)), rng.poisson(7 * SMOOTH, (300, BINS))
    result = differences(item.astype(float), other.astype(float), NOTHING)
    assert result.mean() == pytest.approx(1.0, abs=0.05)
    assert (result == differences(other.astype(float), item.astype(float), NOTHING)).all()


def test_two_shapes_disagree_and_nothing_agrees_with_emptiness():
    other = np.roll(SMOOTH, 10)
    assert differences(SMOOTH[None], other[None], NOTHING)[0] > ALIKE
    assert np.isinf(differences(SMOOTH[None], NOTHING[None], NOTHING)[0])


@pytest.mark.parametrize("faulty_before", [False, True])
def test_runs_of_one_shape_last_unless_one_of_them_is_faulty(faulty_before):
    """A fault that only the largest of them shows is a fault of all."""
    rng = np.random.default_rng(4)
    runs = rng.poisson(SMOOTH, (PERSISTS + 1, 1, BINS)).astype(float)
    faulty = np.zeros((PERSISTS + 1, 1), dtype=bool)
    faulty[0] = faulty_before
    stays, total = lasting(runs[-1], runs[:-1], faulty, NOTHING[None])
    assert stays.tolist() == [not faulty_before]
    assert (total == runs.sum(axis=0)).all()


def test_a_faulty_run_of_another_shape_does_not_count():
    runs = np.stack([np.roll(SMOOTH, 15), *[SMOOTH] * PERSISTS])[:, None]
    faulty = np.array([True, *[False] * PERSISTS])[:, None]
    stays, _ = lasting(runs[-1], runs[:-1], faulty, NOTHING[None])
    assert stays.all()


def test_one_run_alone_does_not_last():
    runs = np.stack([np.roll(SMOOTH, 15), np.roll(SMOOTH, 30), SMOOTH])[:, None]
    stays, total = lasting(runs[-1], runs[:-1], np.zeros((3, 1), dtype=bool), NOTHING[None])
    assert not stays.any()
    assert (total == runs[-1]).all()
