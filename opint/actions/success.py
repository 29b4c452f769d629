"""How likely each action is to end well, before it is taken.

Learned from outcomes of what operators did: the features of the snapshot and the action with its parameters. Where
operators never tried an action on such a workflow, the prediction follows the other features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, hstack

from opint.actions.action import TARGETS, RecoveryAction
from opint.actions.models.boosting import BoostedTrees, train_trees
from opint.actions.probabilities import ClassCalibration, fit_calibration
from streams.arrays import Float64

LEARNED_SHARE = 0.7
"""Share of the cases, the earliest, whose outcome is learned to calibrate on the others."""
LEAST_OUTCOMES = 100
"""Outcomes below which no success is predicted."""
LEAST_OF_EACH = 10


@dataclass(frozen=True)
class SuccessModel:
    """Trained trees and what calibrates them."""

    trees: BoostedTrees
    calibration: ClassCalibration

    def probabilities(self, features: csr_matrix, actions: Sequence[RecoveryAction]) -> Float64:
        """Probability (n,) that each action ends well on the workflow of its row of features (n, f)."""
        calibrated: Float64 = self.calibration(self.trees.probabilities(with_actions(features, actions)))[:, 1]
        return calibrated


def train_success(
    features: csr_matrix, actions: Sequence[RecoveryAction], succeeded: Float64, seed: int
) -> SuccessModel | None:
    """Train on outcomes (n,) of 1 and 0 in order of time, NaN where not known; None where these are too few."""
    rows = np.flatnonzero(~np.isnan(succeeded))
    outcome = succeeded[rows].astype(np.intp)
    if len(rows) < LEAST_OUTCOMES or min(np.bincount(outcome, minlength=2)) < LEAST_OF_EACH:
        return None
    table = with_actions(features[rows], [actions[int(row)] for row in rows])
    end = int(LEARNED_SHARE * len(rows))
    early = train_trees(table[:end], outcome[:end], 2, seed)
    calibration = fit_calibration(early.probabilities(table[end:]), outcome[end:])
    return SuccessModel(train_trees(table, outcome, 2, seed), calibration)


def with_actions(features: csr_matrix, actions: Sequence[RecoveryAction]) -> csr_matrix:
    """Features (n, f + a): those of the snapshots and a column for each class of each target, and for exclusions."""
    columns = [(name, value) for name, classes in TARGETS.items() for value in classes]
    chosen = np.array([[getattr(action, name) == value for name, value in columns] for action in actions])
    excluded = np.array([bool(action.excluded_sites) for action in actions])
    return hstack([features, csr_matrix(np.column_stack([chosen, excluded]).astype(np.float32))], format="csr")
