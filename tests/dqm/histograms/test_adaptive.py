"""The adaptive template: what it follows, what it holds back, what it adopts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.histograms.references.adaptive import KEEP, LEAST_COUNTS, NEAR, PERSISTS, TOLERANCE, WITHIN, blank, follow

N, BINS, SIZE = 2, 40, 8000.0


def shape(middle, width=6.0):
    x = np.arange(BINS)
    share = np.exp(-0.5 * ((x - np.asarray(middle, dtype=float)[..., None]) / width) ** 2) + 0.01
    return share / share.sum(axis=-1, keepdims=True)


def runs(rng, middles, size=SIZE):
    """One histogram of both MEs for each of the ``middles``."""
    return [rng.poisson(size * shape([middle, middle])).astype(float) for middle in middles]


def followed(counts, template=None):
    template = blank(N, BINS) if template is None else template
    recent, steps = [], []
    for run in counts:
        template, step = follow(template, run, recent)
        recent = [*recent, run][-(WITHIN - 1) :]
        steps.append(step)
    return template, steps, recent


def test_the_first_run_is_taken_as_it_is():
    run = runs(np.random.default_rng(0), [20])[0]
    template, step = follow(blank(N, BINS), run, [])
    assert step.added.all()
    assert not step.adopted.any()
    assert (step.score == 0).all()
    assert np.abs(template.share - run / run.sum(axis=1, keepdims=True)).max() < 1e-3
    assert (template.size == run.sum(axis=1)).all()


def test_drift_is_followed_farther_than_a_fixed_template_would_bear():
    rng = np.random.default_rng(1)
    middles = np.linspace(18, 22, 200)
    counts = runs(rng, middles)
    _, steps, _ = followed(counts)
    fixed, _ = follow(blank(N, BINS), counts[0], [])
    _, last = follow(fixed, counts[-1], [])
    assert last.distance.min() > 3 * NEAR
    assert np.mean([step.added.all() for step in steps]) > 0.97
    assert max(step.distance.max() for step in steps[20:]) < NEAR


def test_a_dead_bin_is_held_back_for_ever():
    """The same fault in twenty runs is self-consistent, and is still no new reference."""
    rng = np.random.default_rng(2)
    template, _, recent = followed(runs(rng, [20] * 15))
    before = template.share.copy()
    for run in runs(rng, [20] * 20):
        run[0, 21] = 0.0
        template, step = follow(template, run, recent)
        recent = [*recent, run][-(WITHIN - 1) :]
        assert not step.added[0]
        assert not step.adopted[0]
        assert step.added[1]
    assert (template.share[0] == before[0]).all()


@pytest.mark.parametrize("factor", [0.0, 4.0])
def test_one_bin_against_its_neighbours_scores_high(factor):
    rng = np.random.default_rng(3)
    template, steps, recent = followed(runs(rng, [20] * 40))
    usual = max(step.score.max() for step in steps[10:])
    run = runs(rng, [20])[0]
    run[:, 18] *= factor
    _, step = follow(template, run, recent)
    assert step.score.min() > 3 * usual


def test_a_jump_that_lasts_is_adopted_and_a_single_odd_run_is_not():
    rng = np.random.default_rng(4)
    template, _, recent = followed(runs(rng, [20] * 15))
    template, step = follow(template, runs(rng, [30])[0], recent)
    assert not (step.added | step.adopted).any()
    template, steps, _ = followed(runs(rng, [20] * 3), template)
    assert all(step.added.all() for step in steps)
    template, steps, _ = followed(runs(rng, [12] * (PERSISTS + 3)), template)
    adopted = [step.adopted.all() for step in steps]
    assert adopted == [False] * (PERSISTS - 1) + [True] + [False] * 3
    assert all(step.added.all() for step in steps[PERSISTS:])
    assert np.abs(template.share - shape([12, 12])).max() < 0.01


def toothed(rng, middles, factor=3.0):
    """Runs with one bin that has always been higher than its neighbours, or lower."""
    counts = runs(rng, middles)
    for run in counts:
        run[:, 18] = np.round(factor * run[:, 18])
    return counts


def known_shares():
    expected = SIZE * shape([20, 20])
    expected[:, 18] *= 3.0
    return expected / expected.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("fault_free", "back"), [(None, False), (known_shares(), True)])
def test_usual_conditions_are_found_again_after_unusual_ones(fault_free, back):
    """Beside the template of small, unusual runs a usual bin looks like a fault; beside the known shape it does not."""
    rng = np.random.default_rng(11)
    template, recent, steps = blank(N, BINS), [], []
    for run in [*toothed(rng, [20] * 15), *runs(rng, [33] * 8, 200.0), *toothed(rng, [21] * 8)]:
        template, step = follow(template, run, recent, fault_free=fault_free)
        recent = [*recent, run][-(WITHIN - 1) :]
        steps.append(step)
    assert steps[14 + PERSISTS].adopted.all()
    assert steps[-1].added.all() == back


@pytest.mark.parametrize("factor", [0.0, 12.0])
def test_a_known_shape_excuses_no_fault(factor):
    rng = np.random.default_rng(12)
    template, recent = blank(N, BINS), []
    for run in [*toothed(rng, [20] * 15), *toothed(rng, [20] * 8, factor)]:
        template, step = follow(template, run, recent, fault_free=known_shares())
        recent = [*recent, run][-(WITHIN - 1) :]
    assert not (step.added | step.adopted).any()


def test_odd_runs_that_differ_from_each_other_are_not_adopted():
    rng = np.random.default_rng(5)
    template, _, _ = followed(runs(rng, [20] * 15))
    _, steps, _ = followed(runs(rng, [5, 30, 12, 35, 8, 26]), template)
    assert not any(step.adopted.any() or step.added.any() for step in steps)


def test_what_others_condemn_is_not_added_however_near_it_is():
    rng = np.random.default_rng(6)
    template, _, recent = followed(runs(rng, [20] * 5))
    for run in recent:
        run[1] = 0.0
    after, step = follow(template, runs(rng, [20])[0], recent, np.array([True, False]))
    assert step.added.tolist() == [True, False]
    assert (after.share[1] == template.share[1]).all()
    assert after.size[1] == template.size[1]


def test_runs_with_hardly_any_counts_change_nothing():
    rng = np.random.default_rng(7)
    template, _, recent = followed(runs(rng, [20] * 5))
    few = np.zeros((N, BINS))
    few[:, 3] = LEAST_COUNTS - 1
    after, step = follow(template, few, recent)
    assert (after.share == template.share).all()
    assert (after.size == template.size).all()
    assert not (step.added | step.adopted).any()
    assert (step.score == 0).all()


def test_how_far_good_runs_wander_is_learned_and_widens_the_tolerance():
    def wander(amount):
        rng = np.random.default_rng(8)
        tilts = 1 + amount * rng.normal(size=150)[:, None, None] * np.sin(np.arange(BINS) / 3.0)
        template, _, _ = followed(list(rng.poisson(SIZE * shape([20, 20]) * tilts).astype(float)))
        return np.sqrt(template.wander[:, 14:27].mean())

    assert wander(0.0) < 3 * TOLERANCE
    assert wander(0.1) > 2 * wander(0.0)


def test_the_effective_size_is_bounded_by_the_memory():
    template, _, _ = followed(runs(np.random.default_rng(9), [20] * 120))
    assert template.size == pytest.approx(SIZE * shape([20.0]).sum() / (1 - KEEP), rel=0.05)


@given(st.integers(0, 2**32 - 1), st.lists(st.floats(2, 38), min_size=1, max_size=12))
def test_templates_stay_shapes_whatever_comes(seed, middles):
    rng = np.random.default_rng(seed)
    counts = runs(rng, middles, size=float(rng.choice([0.0, 50.0, 3000.0, 1e7])))
    original = [run.copy() for run in counts]
    template, steps, _ = followed(counts)
    assert np.isfinite(template.share).all()
    assert (template.share >= 0).all()
    assert template.share.sum(axis=1) == pytest.approx(np.ones(N))
    assert (template.wander >= TOLERANCE**2 * (1 - 1e-9)).all()
    assert all(np.isfinite(step.score).all() for step in steps)
    assert not any((step.added & step.adopted).any() for step in steps)
    assert all((count == other).all() for count, other in zip(counts, original, strict=True))
