"""Measures of forecasts agree with scikit-learn's, and with their definitions at the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from opint.popularity.metrics import Counts, average_precision, roc_auc
from opint.popularity.threshold import GRID, UNTRIED, best_f1

pairs = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=40)


def arrays(some):
    return np.array([one for one, _ in some]), np.array([two for _, two in some])


@given(pairs)
def test_areas_are_those_of_scikit_learn(some):
    probability, popular = arrays(some)
    if popular.any():
        assert average_precision(probability, popular) == pytest.approx(average_precision_score(popular, probability))
    if popular.any() and not popular.all():
        assert roc_auc(probability, popular) == pytest.approx(roc_auc_score(popular, probability))


@given(pairs)
def test_counts_are_those_of_scikit_learn(some):
    probability, popular = arrays(some)
    forecast = probability > 0.3
    found = Counts.of(forecast, popular)
    if popular.any():
        assert found.tpr == pytest.approx(recall_score(popular, forecast))
    if not popular.all():
        assert found.tnr == pytest.approx(recall_score(~popular, ~forecast))
    if forecast.any():
        assert found.precision == pytest.approx(precision_score(popular, forecast))
    if forecast.any() or popular.any():
        assert found.f1 == pytest.approx(f1_score(popular, forecast))


@given(pairs, pairs)
def test_counts_add(some, others):
    (p, y), (q, z) = arrays(some), arrays(others)
    both = Counts.of(np.concatenate([p, q]) > 0.3, np.concatenate([y, z]))
    assert Counts.of(p > 0.3, y) + Counts.of(q > 0.3, z) == both


def test_nothing_popular_is_no_number():
    none = np.zeros(3, dtype=bool)
    assert math.isnan(average_precision(np.ones(3), none))
    assert math.isnan(roc_auc(np.ones(3), none))
    assert math.isnan(Counts.of(none, none).tpr)
    assert math.isnan(Counts.of(none, none).f1)


@given(pairs)
def test_no_threshold_of_the_grid_does_better(some):
    probability, popular = arrays(some)
    found = best_f1(probability, popular)
    if not popular.any():
        assert found == UNTRIED
        return
    best = max(Counts.of(probability > one, popular).f1 for one in GRID)
    assert Counts.of(probability > found, popular).f1 == pytest.approx(best)
