"""Measures of forecasts agree with scikit-learn's, and with their definitions at the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from opint.popularity.metrics import ConfusionCounts, average_precision, roc_auc
from opint.popularity.walk_forward import DEFAULT_THRESHOLD, THRESHOLDS, best_f1_threshold

PAIRS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=40)


def arrays(pairs):
    return np.array([first for first, _ in pairs]), np.array([second for _, second in pairs])


@given(PAIRS)
def test_areas_are_those_of_scikit_learn(pairs):
    probability, popular = arrays(pairs)
    if popular.any():
        assert average_precision(probability, popular) == pytest.approx(average_precision_score(popular, probability))
    if popular.any() and not popular.all():
        assert roc_auc(probability, popular) == pytest.approx(roc_auc_score(popular, probability))


@given(PAIRS)
def test_counts_are_those_of_scikit_learn(pairs):
    probability, popular = arrays(pairs)
    forecast = probability > 0.3
    counts = ConfusionCounts.of(forecast, popular)
    if popular.any():
        assert counts.tpr == pytest.approx(recall_score(popular, forecast))
    if not popular.all():
        assert counts.tnr == pytest.approx(recall_score(~popular, ~forecast))
    if forecast.any():
        assert counts.precision == pytest.approx(precision_score(popular, forecast))
    if forecast.any() or popular.any():
        assert counts.f1 == pytest.approx(f1_score(popular, forecast))


@given(PAIRS, PAIRS)
def test_counts_add(pairs, other_pairs):
    (p, y), (q, z) = arrays(pairs), arrays(other_pairs)
    both = ConfusionCounts.of(np.concatenate([p, q]) > 0.3, np.concatenate([y, z]))
    assert ConfusionCounts.of(p > 0.3, y) + ConfusionCounts.of(q > 0.3, z) == both


def test_nothing_popular_is_no_number():
    none = np.zeros(3, dtype=bool)
    assert math.isnan(average_precision(np.ones(3), none))
    assert math.isnan(roc_auc(np.ones(3), none))
    assert math.isnan(ConfusionCounts.of(none, none).tpr)
    assert math.isnan(ConfusionCounts.of(none, none).f1)


@given(PAIRS)
def test_no_threshold_of_the_grid_does_better(pairs):
    probability, popular = arrays(pairs)
    threshold = best_f1_threshold(probability, popular)
    if not popular.any():
        assert threshold == DEFAULT_THRESHOLD
        return
    best = max(ConfusionCounts.of(probability > candidate, popular).f1 for candidate in THRESHOLDS)
    assert ConfusionCounts.of(probability > threshold, popular).f1 == pytest.approx(best)
