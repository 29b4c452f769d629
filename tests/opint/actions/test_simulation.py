"""The emulated history has the published marginals, and what is hidden is what decisions and outcomes follow."""

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from opint.actions.action import TARGETS, RecoveryAction
from opint.actions.simulation.causes import CAUSES, HiddenState, Material
from opint.actions.simulation.history import simulate_history
from opint.actions.simulation.operators import (
    MARGINALS,
    OPERATORS,
    best_action,
    decide,
    decision_chances,
    expected_loss,
    success_probability,
)

STATES = [
    HiddenState("site-outage", failing_sites=("T1_XX_Site01",)),
    HiddenState("memory", memory="10-16k"),
    HiddenState("long-jobs", splitting="2-3x"),
    *(HiddenState(name) for name in CAUSES if name not in ("site-outage", "memory", "long-jobs")),
]


@pytest.fixture(scope="module")
def history():
    return [case for seed in (1, 2, 3) for case in simulate_history(np.random.default_rng(seed), 2000, 40)]


def test_actions_have_about_the_published_marginals(history):
    for target, marginals in MARGINALS.items():
        counts = Counter(getattr(simulated.case.action, target) for simulated in history)
        shares = [counts[name] / len(history) for name in TARGETS[target]]
        np.testing.assert_allclose(shares, marginals, atol=0.04)


def test_the_matrix_is_as_sparse_as_the_published_one(history):
    published = 54 * 142 * 0.0025
    assert np.mean([len(simulated.case.failures.errors) for simulated in history]) == pytest.approx(published, rel=0.25)


def test_snapshots_keep_the_promises_of_their_record(history):
    for simulated in history[:500]:
        errors = simulated.case.failures.errors
        rows = [(error.code, error.site) for error in errors]
        assert rows == sorted(set(rows))
        assert all(error.jobs > 0 for error in errors)
    times = [simulated.case.failures.time for simulated in history[:2000]]
    assert times == sorted(times)


def test_the_same_seed_makes_the_same_history(history):
    again = simulate_history(np.random.default_rng(1), 2000, 40)
    digests = [next(again).case.failures.digest for _ in range(20)]
    assert digests == [simulated.case.failures.digest for simulated in history[:20]]


def test_only_the_given_codes_and_sites_occur():
    material = Material((50660, 8021, 7), ("T2_A", "T2_B"), {"memory": ["out of memory {n}"]})
    cases = [simulated.case.failures for simulated in simulate_history(np.random.default_rng(0), 300, 2, material)]
    errors = [error for failures in cases for error in failures.errors]
    assert {error.site for error in errors} == {"T2_A", "T2_B"}
    assert {error.code for error in errors} == {50660, 8021, 7}


@pytest.mark.parametrize("hidden", STATES, ids=lambda hidden: hidden.cause)
def test_decisions_are_drawn_from_the_chances(hidden):
    rng = np.random.default_rng(5)
    decisions = [decide(OPERATORS[2], hidden, rng) for _ in range(4000)]
    for target, chances in decision_chances(OPERATORS[2], hidden).items():
        assert chances.sum() == pytest.approx(1.0)
        counts = Counter(getattr(action, target) for action in decisions)
        np.testing.assert_allclose([counts[name] / 4000 for name in TARGETS[target]], chances, atol=0.035)


@pytest.mark.parametrize("hidden", STATES, ids=lambda hidden: hidden.cause)
def test_no_action_loses_less_than_the_best(hidden):
    best = expected_loss(hidden, best_action(hidden), 100.0)
    for values in itertools.product(*TARGETS.values(), ((), hidden.failing_sites)):
        action = RecoveryAction(*values)
        assert 0.0 < success_probability(hidden, action) < 1.0
        assert expected_loss(hidden, action, 100.0) >= best - 1e-9


def test_too_little_memory_does_not_help():
    hidden = HiddenState("memory", memory="10-16k")
    levels = [success_probability(hidden, replace(RecoveryAction("acdc"), memory=name)) for name in TARGETS["memory"]]
    assert levels[0] == levels[1] < levels[2] == levels[3]
