"""Measures and calibration: against values worked out by hand, and against what they promise."""

import numpy as np
import pytest

from opint.actions.probabilities import (
    NEVER,
    auc,
    balanced_decision,
    calibration_error,
    coverage_at_precision,
    fit_calibration,
    least_confidence,
    log_losses,
    macro_auc,
    macro_precision,
    macro_recall,
)
from opint.actions.target_model import class_shares


def drawn(n, rng):
    """True probabilities of three classes, and classes drawn from them."""
    probability = rng.dirichlet([4.0, 1.0, 0.4], n)
    label = (probability.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return probability, label


def test_area_counts_pairs_with_ties_as_halves():
    assert auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True])) == pytest.approx(3.5 / 4)
    assert np.isnan(auc(np.array([0.1, 0.2]), np.array([True, True])))


def test_macro_measures_weigh_classes_alike():
    label = np.array([0, 0, 0, 0, 1, 1])
    decision = np.array([0, 0, 0, 1, 1, 0])
    assert macro_recall(decision, label) == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert macro_precision(decision, label) == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert macro_recall(np.zeros(6, int), label) == 0.5
    assert macro_precision(np.zeros(6, int), label) == pytest.approx((4 / 6 + 0) / 2)


def test_macro_auc_is_the_mean_over_classes_that_occur():
    probability = np.array([[0.8, 0.2, 0.0], [0.3, 0.7, 0.0], [0.6, 0.4, 0.0]])
    assert macro_auc(probability, np.array([0, 1, 0])) == 1.0


def test_true_probabilities_have_no_calibration_error_and_wrong_ones_have():
    probability, label = drawn(40_000, np.random.default_rng(1))
    sharpened = probability**3 / (probability**3).sum(axis=1, keepdims=True)
    assert calibration_error(probability, label) < 0.01
    assert calibration_error(sharpened, label) > 0.05


def test_scaling_repairs_probabilities_that_are_too_sure():
    rng = np.random.default_rng(2)
    probability, label = drawn(20_000, rng)
    sharpened = probability**2 * [1.0, 3.0, 0.5]
    sharpened /= sharpened.sum(axis=1, keepdims=True)
    calibration = fit_calibration(sharpened, label)
    assert calibration.slope == pytest.approx(0.5, abs=0.03)
    later, later_label = drawn(20_000, rng)
    wrong = later**2 * [1.0, 3.0, 0.5]
    repaired = calibration(wrong / wrong.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(repaired.sum(axis=1), 1.0)
    assert calibration_error(repaired, later_label) < 0.02
    assert abs(log_losses(repaired, later_label).mean() - log_losses(later, later_label).mean()) < 0.005


def test_a_curve_repairs_what_no_scaling_can_and_keeps_the_order():
    rng = np.random.default_rng(3)
    chance = np.where(rng.random(20_000) < 0.6, 0.1, 0.6)
    label = (rng.random(20_000) < chance).astype(np.intp)
    smeared = np.clip(0.5 * chance + 0.12 + rng.normal(0, 0.03, 20_000), 0.01, 0.99)
    probability = np.column_stack([1 - smeared, smeared])
    learned, later = slice(10_000), slice(10_000, None)
    repaired = fit_calibration(probability[learned], label[learned])(probability[later])
    assert calibration_error(probability[later], label[later]) > 0.05
    assert calibration_error(repaired, label[later]) < 0.02
    np.testing.assert_array_equal(np.argsort(repaired[:, 1]), np.argsort(smeared[later]))


def test_few_cases_hardly_change_probabilities():
    probability = np.array([[0.7, 0.3], [0.4, 0.6]])
    np.testing.assert_allclose(fit_calibration(probability, np.array([1, 1]))(probability), probability, atol=0.3)


def test_coverage_and_confidence_agree():
    probability = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    label = np.array([0, 0, 1, 0])
    assert coverage_at_precision(probability, label, 0.95) == 0.5
    assert least_confidence(probability, label, 0.95) == 0.8
    assert coverage_at_precision(probability, label, 0.75) == 1.0
    assert least_confidence(probability, label, 0.75) == 0.6
    assert coverage_at_precision(probability, 1 - label, 0.95) == 0.0
    assert least_confidence(probability, 1 - label, 0.95) == NEVER


def test_equal_confidences_are_taken_or_left_together():
    assert least_confidence(np.full((4, 2), 0.5), np.array([0, 0, 0, 1]), 0.95) == NEVER


def test_a_balanced_decision_takes_what_is_likelier_than_usual():
    probability = np.array([[0.8, 0.2], [0.95, 0.05]])
    np.testing.assert_array_equal(balanced_decision(probability, np.array([0.9, 0.1])), [1, 0])


def test_shares_by_rule_lean_on_all_cases_where_the_rule_is_rare():
    label, by_rules = np.array([0] * 90 + [1] * 10), np.array([0] * 99 + [1])
    shares, by_rule = class_shares(label, by_rules, 2)
    np.testing.assert_allclose(shares, [0.9, 0.1], atol=0.01)
    np.testing.assert_allclose(by_rule.sum(axis=1), 1.0)
    assert 0.1 < by_rule[1, 1] < 0.3
