"""A centre that follows drift from run to run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.core.drift import MEMORY, Residuals, initial_centre, updated_centre
from dqm.core.largest_errors import NUMBERS, summaries
from dqm.histograms.certification.train import Good, fit
from streams.records import Conditions

N, BINS = 10, 30
CONDITIONS = Conditions(pileup=50.0, recorded_lumi=0.4)


def residuals(away, lumisections=1, p_value=0.5, pileup=0.0):
    """What lumisections leave that lie ``away`` from the centre in all numbers."""
    typical = np.full((N, NUMBERS), 0.4, dtype=np.float32)
    p_values = np.full(N, p_value, dtype=np.float32)
    item = Residuals.of((typical + away).astype(np.float32), typical, pileup, p_values)
    return sum([item] * lumisections, Residuals.nothing(N, NUMBERS))


@given(st.lists(st.integers(0, 2**31), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_parts_changes_nothing(seeds, chance):
    def part(seed):
        rng = np.random.default_rng(seed)
        p_values = np.where(rng.random(N) < 0.2, np.nan, rng.random(N)).astype(np.float32)
        return Residuals.of(*rng.random((2, N, NUMBERS), dtype=np.float32), rng.normal(), p_values)

    parts = [part(seed) for seed in seeds]
    there = sum(parts, Residuals.nothing(N, NUMBERS))
    chance.shuffle(parts)
    back = sum(parts, Residuals.nothing(N, NUMBERS))
    shift = np.random.default_rng(0).random((2, N, NUMBERS), dtype=np.float32)
    assert updated_centre(shift, there).tobytes() == updated_centre(shift, back).tobytes()


def test_the_centre_comes_to_where_runs_lie():
    shift = initial_centre(N, NUMBERS)
    for _ in range(8):
        shift = updated_centre(shift, residuals(0.03, lumisections=60))
    np.testing.assert_allclose(shift[0], 0.03, rtol=0.01)
    assert not shift[1].any()


def test_a_line_in_pileup_is_followed_from_runs_of_different_pileup():
    shift = initial_centre(N, NUMBERS)
    for _ in range(12):
        for pileup in (-1.5, 0.2, 1.0):
            shift = updated_centre(shift, residuals(0.01 - 0.02 * pileup, 60, pileup=pileup))
    np.testing.assert_allclose(shift[0], 0.01, atol=5e-4)
    np.testing.assert_allclose(shift[1], -0.02, atol=5e-4)


def test_a_run_weighs_as_much_as_it_has_lumisections():
    np.testing.assert_allclose(
        updated_centre(initial_centre(N, NUMBERS), residuals(0.02, int(MEMORY)))[0], 0.01, rtol=1e-4
    )
    np.testing.assert_allclose(
        updated_centre(initial_centre(N, NUMBERS), residuals(0.02, 1))[0], 0.02 / (MEMORY + 1), rtol=1e-4
    )


def test_it_is_the_formula():
    rng = np.random.default_rng(5)
    pileup = np.rint(1024 * rng.normal(size=40)) / 1024
    away = rng.normal(scale=0.02, size=40)
    before = np.stack([np.full((N, NUMBERS), 0.01), np.full((N, NUMBERS), -0.03)]).astype(np.float32)
    run = sum(
        (residuals(item, pileup=at) for item, at in zip(away, pileup, strict=True)), Residuals.nothing(N, NUMBERS)
    )
    design = np.stack([np.ones(40), pileup], axis=1)
    prior = MEMORY * np.eye(2)
    expected = np.linalg.solve(prior + design.T @ design, prior @ [0.01, -0.03] + design.T @ away)
    np.testing.assert_allclose(updated_centre(before, run)[:, 0, 0], expected, atol=1e-6)


@pytest.mark.parametrize("p_value", [0.05, 0.0, np.nan])
def test_what_is_unlikely_or_was_not_inspected_is_not_learned_from(p_value):
    assert not updated_centre(initial_centre(N, NUMBERS), residuals(0.2, 50, p_value)).any()


def test_a_run_that_mostly_looks_bad_is_held_back_as_a_whole():
    assert not updated_centre(initial_centre(N, NUMBERS), residuals(0.2, 10) + residuals(0.2, 11, p_value=0.01)).any()
    assert updated_centre(initial_centre(N, NUMBERS), residuals(0.2, 10) + residuals(0.2, 10, p_value=0.01))[0].all()


def test_elements_that_a_run_did_not_have_stay_where_they_were():
    shift = updated_centre(initial_centre(N, NUMBERS), residuals(0.1, 64))
    sample = np.arange(N) < 3
    after = updated_centre(shift, residuals(0.0, 64).only(sample))
    np.testing.assert_array_equal(after[:, 3:], shift[:, 3:])
    assert (after[0, :3] < shift[0, :3]).all()


def drifting(rng, first, lumisections):
    """Peaks that move steadily with the number of the lumisection, each its own way."""
    at = (np.arange(BINS) + 0.5) / BINS
    moved = 1e-4 * (first + np.arange(lumisections))[:, None] * np.linspace(-1, 1, N)
    shape = np.exp(-0.5 * ((at - 0.5 - moved[..., None]) / 0.12) ** 2) + 0.02
    return rng.poisson(4000 * shape / shape.sum(axis=-1, keepdims=True)).astype(np.float32)


def test_p_values_of_a_drifting_detector_hold_if_the_centre_follows():
    rng = np.random.default_rng(1)
    per_run, earlier, cut = 25, 400, 240
    counts = drifting(rng, 0, earlier)
    zeros = np.zeros(earlier, dtype=np.float32)
    everything = np.ones((earlier, N), dtype=bool)
    runs = np.arange(earlier) // per_run
    sample_arrays = summaries(counts), counts.sum(axis=-1), zeros, everything
    model, _ = fit(
        Good(*sample_arrays, np.full(N, BINS), runs, [CONDITIONS] * earlier),
        cut,
        "autoencoder",
        np.random.default_rng(2),
    )
    shift = initial_centre(N, NUMBERS)
    follows, unmoved = [], []
    for run in range(24):
        counts = drifting(rng, earlier + run * per_run, per_run)
        later = summaries(counts), counts.sum(axis=-1), zeros[:per_run], everything[:per_run]
        for item, result in ((model.moved(shift), follows), (model, unmoved)):
            result += [item.certified(each, 0.0, 0.4).p_value for each in item.ensemble.largest(*later)]
        typical = model.ensemble.scaling.typical(zeros[:1])[0]
        run_left = [Residuals.of(each, typical, 0.0, np.ones(N, dtype=np.float32)) for each in later[0]]
        shift = updated_centre(shift, sum(run_left, Residuals.nothing(N, NUMBERS)))
    assert 0.01 < np.mean(np.array(follows) <= 0.05) < 0.12
    assert np.mean(np.array(unmoved) <= 0.05) > 0.5
