"""Whether success is foreseen, and what suggested actions would lose, by what the emulation knows."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.actions.histories import PredictedHistory
from opint.actions.action import RecoveryAction
from opint.actions.probabilities import auc, calibration_error
from opint.actions.rules import apply_rules, sites_to_exclude
from opint.actions.simulation.operators import best_action, expected_loss, success_probability

HOUR = 3600.0


def outcome_results(predicted: PredictedHistory) -> Mapping[str, float]:
    """Measures of one seed."""
    cases = predicted.later.cases
    snapshots = [case.failures for case in cases]
    features = predicted.predictor.features(snapshots)
    values = {
        "regret_of_suggested": _regret(predicted, predicted.predictor.actions(snapshots)),
        "regret_of_always_acdc": _regret(predicted, [RecoveryAction("acdc")] * len(cases)),
        "regret_of_rules": _regret(predicted, [apply_rules(snapshot) for snapshot in snapshots]),
        "regret_of_operators": _regret(predicted, [case.action for case in cases]),
        **_exclusions(predicted),
    }
    has_outcome = ~np.isnan(predicted.later.succeeded)
    if predicted.predictor.success is None:
        return values
    outcome = predicted.later.succeeded[has_outcome] == 1
    foreseen = predicted.predictor.success.probabilities(features, [case.action for case in cases])[has_outcome]
    hidden = [each.hidden for each in predicted.hidden]
    true = np.array([success_probability(state, case.action) for state, case in zip(hidden, cases, strict=True)])[
        has_outcome
    ]
    both = np.column_stack([1.0 - foreseen, foreseen])
    return values | {
        "success_auc": auc(foreseen, outcome),
        "success_auc_of_optimum": auc(true, outcome),
        "success_ece": calibration_error(both, outcome.astype(np.intp)),
    }


def _regret(predicted: PredictedHistory, actions: Sequence[RecoveryAction]) -> float:
    """Mean wall time (h) that is lost beyond the best action for the hidden cause."""
    losses = []
    for simulated, action in zip(predicted.hidden, actions, strict=True):
        lost = simulated.case.failures.facts.lost_wall_time or 0.0
        best = expected_loss(simulated.hidden, best_action(simulated.hidden), lost)
        losses.append(expected_loss(simulated.hidden, action, lost) - best)
    return float(np.mean(losses)) / HOUR


def _exclusions(predicted: PredictedHistory) -> Mapping[str, float]:
    """How many excluded sites operators exclude as well, and the reverse; of the model and of the rule."""
    snapshots = [each.case.failures for each in predicted.hidden]
    methods = {"": predicted.predictor.sites.excluded(snapshots), "_rules": map(sites_to_exclude, snapshots)}
    values = {}
    for suffix, excluded in methods.items():
        pairs = [
            (set(sites), set(each.case.action.excluded_sites))
            for sites, each in zip(excluded, predicted.hidden, strict=True)
        ]
        both = sum(len(suggested & decided) for suggested, decided in pairs)
        values[f"exclusion_precision{suffix}"] = both / max(1, sum(len(suggested) for suggested, _ in pairs))
        values[f"exclusion_recall{suffix}"] = both / max(1, sum(len(decided) for _, decided in pairs))
    return values
