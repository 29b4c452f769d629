"""Which reference judges a run, and what the adaptive one knows."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from conf.settings import AlertSettings, DqmSettings
from dqm.core.drift import EVERY, RunSums, run_sums
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.references.adaptive import PERSISTS
from dqm.histograms.references.choice import RECENT, SIMILAR, adapted, choose, start

SUBSYSTEM = "Muon"


@pytest.fixture(scope="module")
def model(toy_bundle):
    return toy_bundle.subsystems[SUBSYSTEM]


@pytest.fixture(scope="module")
def run_of(toy, toy_bundle):
    """Sums of twelve lumisections of a run, all of them trusted or all held."""

    @cache
    def summed(number, edit=None, p_value=0.5):
        total = RunSums.nothing(toy.catalogue)
        for ls in range(EVERY, 12 * EVERY + 1, EVERY):
            batch = toy.batch(ls, run=number, edit=edit)
            p_values = np.full(len(batch.catalogue), p_value, dtype=np.float32)
            total += run_sums(batch.counts, p_values, toy_bundle.pileup.standardised(batch.conditions))
        return number, total

    return summed


@pytest.fixture(scope="module")
def followed(model, run_of):
    def _followed(numbers, edit=None, previous=None):
        return choose(model, previous, [run_of(number, edit) for number in numbers], [], max(numbers) + 1, 0.0)

    return _followed


@cache
def bent(amount):
    """Every ME tilted smoothly along its bins."""

    def edit(_catalogue, means):
        for block in means:
            np.multiply(block, 1 + amount * np.linspace(-1, 1, block.shape[1]), out=block)

    return edit


def dead(_catalogue, means):
    means[0][0, 10] = 0.0


def test_the_first_run_has_the_frozen_reference(model):
    chosen = choose(model, None, [], [], 1001, 0.0)
    assert not chosen.adaptive
    assert chosen.reason == "no run has been followed yet"
    same = adapted(model, chosen)
    for old, new in zip(model.groups, same.groups, strict=True):
        assert (old.reference.share == new.reference.share).all()
        assert (old.reference.wander == new.reference.wander).all()


def test_good_runs_are_followed_and_drift_is_measured(followed):
    still = followed(range(1001, 1006))
    assert still.adaptive
    assert still.newest_run == 1005
    assert still.runs == 5
    assert "5 runs up to 1005" in still.reason
    assert np.median(still.drift) < 0.02
    drift = None
    for step, number in enumerate(range(1001, 1013)):
        drift = followed([number], bent(0.01 * step), drift)
    assert drift.adaptive
    assert np.median(drift.drift) > 2 * np.median(still.drift)


def test_one_choice_after_another_is_the_same_as_all_at_once(model, run_of):
    runs = [run_of(number) for number in range(1001, 1007)]
    whole = choose(model, None, runs, [], 1007, 0.0)
    chained = None
    for at, run in enumerate(runs):
        chained = choose(model, chained, [run], runs[:at], run[0] + 1, 0.0)
    assert (chained.share == whole.share).all()
    assert (chained.size == whole.size).all()
    assert chained.reason == whole.reason


@pytest.mark.parametrize(
    ("run", "pileup", "why"),
    [(1003 + RECENT + 1, 0.0, "run numbers ago"), (1004, -2.0 * SIMILAR, "standard deviations")],
)
def test_a_template_that_is_old_or_of_other_conditions_is_kept_but_not_used(model, run_of, run, pileup, why):
    runs = [run_of(number) for number in (1001, 1002, 1003)]
    chosen = choose(model, None, runs, [], run, pileup)
    assert not chosen.adaptive
    assert why in chosen.reason
    assert chosen.runs == 3


def test_too_few_counts_leave_the_frozen_reference(model, run_of):
    number, few = run_of(1001)
    few = RunSums(few.counts // 2000, few.leaning // 2000, few.histograms)
    chosen = choose(model, None, [(number, few)], [], 1002, 0.0)
    assert not chosen.adaptive
    assert chosen.runs == 0


def test_a_fault_is_never_followed_however_long_it_lasts(model, run_of):
    runs = [run_of(number, dead) for number in range(1001, 1011)]
    chosen = choose(model, None, runs, [], 1011, 0.0)
    assert chosen.adaptive
    assert not chosen.usable[0]
    assert chosen.usable[1:].all()
    reference = adapted(model, chosen).groups[0].reference
    assert (reference.share[0] == model.groups[0].reference.share[0]).all()


def test_a_held_change_is_adopted_only_when_it_lasts(model, run_of):
    quiet = [run_of(number) for number in range(1001, 1004)]
    changed = [run_of(number, bent(0.5), p_value=0.001) for number in range(1004, 1004 + PERSISTS)]
    early = choose(model, None, [*quiet, *changed[:-1]], [], 1010, 0.0)
    late = choose(model, None, [*quiet, *changed], [], 1010, 0.0)
    assert np.median(early.drift) < 0.03
    assert np.median(late.drift) > 0.1
    assert late.newest_run == changed[-1][0]


def test_an_adopted_change_is_judged_good_again_and_a_fault_in_it_is_not(toy, toy_bundle, model, run_of):
    """The whole point: after a lasting change the frozen reference alarms for ever, the adaptive one does not."""
    settings = DqmSettings(references="adaptive")
    pipeline = Pipeline(toy_bundle, settings, AlertSettings())
    changed = [run_of(number, bent(0.3), p_value=0.001) for number in range(1004, 1004 + PERSISTS)]
    chosen = choose(model, None, [run_of(1003), *changed], [], 1010, 0.0)
    assert chosen.adaptive

    def broken(catalogue, means):
        bent(0.3)(catalogue, means)
        dead(catalogue, means)

    batches = [toy.batch(EVERY, run=1010, edit=edit) for edit in (bent(0.3), broken)]
    frozen = pipeline.score(batches)
    pipeline.adopt(batches[0].dataset, 1010, {SUBSYSTEM: chosen}, {})
    good, fault = pipeline.score(batches)
    assert np.median(frozen[0].scores.p_values) < 0.01
    assert np.median(good.scores.p_values) > 0.1
    assert fault.scores.p_values[0] < 1e-3
    assert np.median(fault.scores.p_values) > 0.1
    assert good.sums.histograms[0].sum() > frozen[0].sums.histograms[0].sum()
    pipeline.drop(batches[0].dataset, 1010)
    assert (pipeline.score(batches)[0].scores.p_values == frozen[0].scores.p_values).all()


def test_runs_of_both_references_are_scored_together_as_apart(toy, toy_bundle, followed):
    pipeline = Pipeline(toy_bundle, DqmSettings(references="adaptive"), AlertSettings())
    chosen = replace(followed(range(1001, 1004)), adaptive=True)
    mixed = [toy.batch(ls, run=run) for ls in (7, 8) for run in (1004, 1005)]
    pipeline.adopt(mixed[0].dataset, 1004, {SUBSYSTEM: chosen}, {})
    together = pipeline.score(mixed)
    apart = [pipeline.score([item])[0] for item in mixed]
    for item_value, other in zip(together, apart, strict=True):
        assert item_value.scores.p_values.tobytes() == other.scores.p_values.tobytes()
        assert item_value.scores.scores.tobytes() == other.scores.scores.tobytes()
    assert [item.sums is None for item in together] == [True, True, False, False]


def test_nothing_is_summed_unless_it_was_asked_for(toy, toy_bundle):
    pipeline = Pipeline(toy_bundle, DqmSettings(), AlertSettings())
    assert pipeline.score([toy.batch(EVERY)])[0].sums is None


def test_the_start_allows_what_the_model_found_ordinary(model):
    reference = model.groups[0].reference
    begun = start(model).wander[: reference.share.size].reshape(reference.share.shape)
    assert (begun >= 1e-4 * (1 - 1e-6)).all()
    if len(reference.modes.directions):
        assert begun.max() > 2e-4
