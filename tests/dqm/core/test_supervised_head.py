"""A supervised head, by numbers alone: what it learns, and what it says."""

import numpy as np
import pytest

from dqm.core import head_fitting
from dqm.core.combination import condemned_elements
from dqm.core.quality import Reason
from dqm.core.state import SubsystemScores
from dqm.core.supervised_head import REACH, SupervisedHead, deviations
from dqm.statistics.classification import logistic_regression
from dqm.statistics.conformal import ConformalTable
from streams.records import Axis, Catalogue, Conditions, MonitoringElement

NAMES = tuple(f"Muon/Sector{n // 4}/me{n:02}" for n in range(16))
CATALOGUE = Catalogue.of([MonitoringElement(name, (Axis(4, 0.0, 4.0),)) for name in NAMES])
TELLING = [2, 9]


def labelled(rng, good=200, bad=40, shift=1.5):
    """Deviations of runs in order of time, of which bad ones deviate a little in two MEs; and which are bad."""
    is_bad = rng.permutation(np.arange(good + bad) < bad)
    features = np.abs(rng.standard_normal((good + bad, len(NAMES))))
    features[np.ix_(is_bad, TELLING)] += shift
    return np.minimum(features, REACH), is_bad, np.arange(good + bad)


def test_the_ridge_regression_is_at_its_minimum():
    rng = np.random.default_rng(1)
    features, bad, _ = labelled(rng)
    strength, share = 3.0, 40 / 240
    intercept, weights = logistic_regression(features, bad, strength)
    weight = strength / len(bad) * np.where(bad, 0.5 / share, 0.5 / (1 - share))

    def loss(intercept, weights):
        margin = np.where(bad, 1, -1) * (intercept + features @ weights)
        return 0.5 * weights @ weights + (weight * np.log1p(np.exp(-margin))).sum()

    least = loss(intercept, weights)
    for _ in range(20):
        assert loss(intercept + 0.05 * rng.standard_normal(), weights + 0.05 * rng.standard_normal(16)) > least
    with pytest.raises(ValueError, match="both kinds"):
        logistic_regression(features, np.zeros_like(bad), 1.0)


def test_weights_lie_where_bad_runs_tell_and_false_alarms_are_as_declared():
    fits = []
    for seed in range(4):
        features, bad, runs = labelled(np.random.default_rng(seed))
        fit = head_fitting.fit(features, bad, runs)
        assert set(np.argsort(-fit.weights)[:2]) == set(TELLING)
        fits.append((fit.p_values[bad], fit.p_values[~bad]))
    bad_p, good_p = (np.concatenate(parts) for parts in zip(*fits, strict=True))
    assert (bad_p <= 0.05).mean() > 0.5
    assert 0.02 < (good_p <= 0.05).mean() < 0.08


def test_without_anything_to_learn_p_values_are_those_of_good_ones():
    features, bad, runs = labelled(np.random.default_rng(7), shift=0.0)
    assert (head_fitting.fit(features, bad, runs).p_values[bad] <= 0.05).mean() < 0.15


def test_blocks_hold_as_many_bad_runs_and_cut_none():
    runs = np.repeat(np.arange(60), 3)
    bad = np.isin(runs, np.arange(40, 60)) & (np.arange(180) % 3 == 0)
    block = head_fitting.blocks_of(runs, bad)
    assert [len(np.unique(runs[bad & (block == number)])) for number in range(5)] == [4] * 5
    assert all(len(np.unique(block[runs == run])) == 1 for run in range(60))


@pytest.fixture
def head():
    weights = np.zeros(16)
    weights[TELLING] = 1.0
    return SupervisedHead(NAMES, 0.0, weights, np.full(16, 0.7), ConformalTable.of(np.linspace(0, 4, 400)))


def part(p_values, reasons=None, catalogue=CATALOGUE):
    n = len(catalogue)
    return SubsystemScores(
        catalogue,
        ("pull",),
        np.ones(n, dtype=bool),
        np.asarray(p_values, dtype=np.float32),
        np.ones((1, n), dtype=np.float32),
        np.arange(1, n + 1, dtype=np.uint64),
        np.zeros(n, dtype=np.uint8) if reasons is None else np.asarray(reasons, dtype=np.uint8),
    )


def test_the_opinion_names_what_tells(head):
    p_values = np.full(16, 0.5)
    p_values[TELLING] = 1e-3
    opinion = head.opinion(part(p_values), Conditions())
    assert opinion.p_value < 0.01
    assert opinion.finding == f"Resembles what people called bad, by {NAMES[2]} and {NAMES[9]}"
    assert np.flatnonzero(condemned_elements(opinion, CATALOGUE)).tolist() == TELLING
    assert head.opinion(part(np.full(16, 0.5)), Conditions()).p_value > 0.1


def test_the_order_of_a_catalogue_does_not_matter_and_little_inspected_says_nothing(head):
    p_values = np.random.default_rng(2).uniform(size=16)
    opinion = head.opinion(part(p_values), Conditions())
    wider = Catalogue.of([MonitoringElement("Muon/Extra/me", (Axis(4, 0.0, 4.0),)), *CATALOGUE.elements])
    by_name = dict(zip(NAMES, p_values, strict=True))
    elsewhere = head.opinion(part([by_name.get(name, 1e-9) for name in wider.names], catalogue=wider), Conditions())
    assert elsewhere.p_value == opinion.p_value
    p_values[TELLING] = np.nan
    assert head.opinion(part(p_values), Conditions()) is None


def test_lack_of_entries_reaches_as_far_as_anything():
    reasons = np.zeros(16)
    reasons[3] = Reason.STARVED
    deviates, inspected = deviations(np.full(16, np.nan, np.float32), reasons.astype(np.uint8), np.ones(16, dtype=bool))
    assert (deviates[3], inspected.sum()) == (REACH, 1)
