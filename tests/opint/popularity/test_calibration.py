"""Calibration of probabilities, and the cold start of new datasets."""

from dataclasses import replace

import numpy as np
import pytest

from opint.popularity.calibration import CalibratedModel, fit_platt, is_unsure
from opint.popularity.models import trainer
from opint.popularity.predictors import (
    NEW_WEEKS,
    ColdStartModel,
    ForecastTask,
    RetrainedModel,
    is_new,
    name_prior,
    persistence,
)
from opint.popularity.walk_forward import walk_forward


def brier(weeks):
    return np.mean(np.concatenate([(forecast.probability - forecast.popular) ** 2 for forecast in weeks]))


def test_a_distorted_probability_is_corrected_and_keeps_its_order():
    rng = np.random.default_rng(1)
    true = rng.beta(0.4, 2.0, 20_000)
    popular = rng.random(20_000) < true
    odds = np.clip(true, 1e-9, 1 - 1e-9)
    bold = 1 / (1 + np.exp(-(2.5 * np.log(odds / (1 - odds)) + 1.0)))
    calibrated = fit_platt(bold[:10_000], popular[:10_000])(bold[10_000:])
    late = popular[10_000:]
    assert np.mean((calibrated - late) ** 2) < np.mean((bold[10_000:] - late) ** 2) - 0.01
    for low, high in ((0.1, 0.3), (0.4, 0.6), (0.7, 0.9)):
        which = (calibrated > low) & (calibrated < high)
        assert calibrated[which].mean() == pytest.approx(late[which].mean(), abs=0.04)
    assert (np.diff(calibrated[np.argsort(bold[10_000:])]) >= 0).all()


def test_few_outcomes_change_nothing():
    probability = np.array([0.1, 0.9])
    np.testing.assert_array_equal(fit_platt(np.full(50, 0.5), np.zeros(50, dtype=bool))(probability), probability)


def test_calibration_uses_the_past_alone(task):
    until = task.history.until(40)
    early = ForecastTask.of(until, task.label)
    probabilities = [
        [CalibratedModel(persistence)(history, week)[1] for week in range(35, 41)] for history in (task, early)
    ]
    once = CalibratedModel(persistence)
    whole = [once(task, week)[1] for week in range(35, 41)]
    for week, other in zip(*probabilities, strict=True):
        np.testing.assert_array_equal(week, other)
    assert not np.array_equal(whole[-1], probabilities[0][-1]), "what came true has been used"


def test_abstaining_is_between_yes_and_no():
    np.testing.assert_array_equal(
        is_unsure(np.array([0.05, 0.2, 0.21, 0.79, 0.8, 0.99]), 0.8), [False, False, True, True, False, False]
    )


def test_a_model_is_better_with_its_calibration(task):
    plain = list(walk_forward(task, RetrainedModel(trainer("sgd"), 1, every=10), range(40, 60)))
    calibrated = list(walk_forward(task, CalibratedModel(RetrainedModel(trainer("sgd"), 1, every=10)), range(40, 60)))
    assert brier(calibrated) <= brier(plain) * 1.02


def test_a_new_dataset_is_judged_by_its_kind(task):
    history, at = task.history, 45
    share = name_prior(task, at)
    fresh = is_new(history, at)
    assert fresh.any()
    assert (at - history.known_since[fresh] < NEW_WEEKS).all()
    assert ((share > 0) & (share < 1)).all()
    tier = np.array(history.traits["tier"])
    assert share[tier == "MINIAOD"].mean() > 3 * share[tier == "RAW"].mean()
    # An unknown campaign, primary and tier fall back on all newcomers.
    row = int(np.argmax(history.known_since))
    assert history.known_since[row] > at
    traits = {kind: (*words[:row], "NOVEL", *words[row + 1 :]) for kind, words in history.traits.items()}
    novel, nameless = (name_prior(replace(task, history=replace(history, traits=kinds)), at) for kinds in (traits, {}))
    assert novel[row] == pytest.approx(nameless[row])


def test_only_new_datasets_are_changed_by_their_names(task):
    rows_, plain = persistence(task, 45)
    same, mixed = ColdStartModel(persistence)(task, 45)
    np.testing.assert_array_equal(rows_, same)
    changed = rows_[plain != mixed]
    assert len(changed)
    assert is_new(task.history, 45)[changed].all()
