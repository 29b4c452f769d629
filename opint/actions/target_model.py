"""What decides about one target: trees where they beat rules and majority on later cases, else these."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from dqm.statistics.resampling import block_mean_interval
from opint.actions.models.boosting import BoostedTrees, train_trees
from opint.actions.probabilities import ClassCalibration, fit_calibration, least_confidence, log_losses
from streams.arrays import Float64, Indices

FOLDS = (0.5, 0.75)
"""Shares of the cases after which trees are trained, to predict what follows up to the next share or the end."""
PRIOR_CASES = 10.0
"""Weight of the overall shares of classes in those of cases about which the rules say the same."""
DRAWS = 500
LEAST_RARE = 10
"""Later cases of other classes than the commonest that it takes to say which predictor is better."""
LEAST_CONFIDENCE = 0.5
"""What is more likely wrong than right is never suggested without abstaining."""
XGBOOST, RULES, MAJORITY = "xgboost", "rules", "majority"


@dataclass(frozen=True)
class TargetModel:
    """Predicts one of k classes.

    ``predictor`` is what it does so by, and ``reason`` why. ``shares`` (k) of the classes and ``shares_by_rule`` (k, k)
    for each class that the rules may say are those of the history. Below ``confidence`` it abstains.
    """

    predictor: str
    reason: str
    trees: BoostedTrees
    calibration: ClassCalibration
    confidence: float
    shares: Float64
    shares_by_rule: Float64

    def probabilities(self, features: csr_matrix, by_rules: Indices) -> Float64:
        """Calibrated probabilities (n, k)."""
        if self.predictor == XGBOOST:
            return self.calibration(self.trees.probabilities(features))
        if self.predictor == RULES:
            return self.shares_by_rule[by_rules]
        return np.tile(self.shares, (len(by_rules), 1))


@dataclass(frozen=True)
class DecidedCases:
    """Features, decided classes (n,), what the rules say (n,) and weeks (n,), in order of time."""

    features: csr_matrix
    label: Indices
    by_rules: Indices
    week: Indices
    classes: int


def train_target(evidence: DecidedCases, precision: float, seed: int) -> TargetModel:
    """Train on all cases; calibration, abstention and the choice of the predictor rest on later cases than learned."""
    n = len(evidence.label)
    first, second = (int(share * n) for share in FOLDS)
    early = train_trees(evidence.features[:first], evidence.label[:first], evidence.classes, seed)
    late = train_trees(evidence.features[:second], evidence.label[:second], evidence.classes, seed)
    raw = [early.probabilities(evidence.features[first:second]), late.probabilities(evidence.features[second:])]
    # The calibration of the earlier fold is judged on the later one, which it has not seen.
    calibration = fit_calibration(raw[0], evidence.label[first:second])
    predictor, reason = _choose(evidence, second, calibration(raw[1]))
    later, label = np.concatenate(raw), evidence.label[first:]
    calibration = fit_calibration(later, label)
    shares, by_rule = class_shares(evidence.label, evidence.by_rules, evidence.classes)
    trees = train_trees(evidence.features, evidence.label, evidence.classes, seed)
    model = TargetModel(predictor, reason, trees, calibration, 0.0, shares, by_rule)
    out_of_fold = (
        calibration(later)
        if predictor == XGBOOST
        else model.probabilities(evidence.features[first:], evidence.by_rules[first:])
    )
    confidence = max(LEAST_CONFIDENCE, least_confidence(out_of_fold, label, precision))
    return TargetModel(predictor, reason, trees, calibration, confidence, shares, by_rule)


def class_shares(label: Indices, by_rules: Indices, classes: int) -> tuple[Float64, Float64]:
    """Shares (k) of the classes, and (k, k) among the cases for which the rules say each class."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (by_rules, label), 1.0)
    shares = (counts.sum(axis=0) + 1.0 / classes) / (len(label) + 1.0)
    return shares, (counts + PRIOR_CASES * shares) / (counts.sum(axis=1, keepdims=True) + PRIOR_CASES)


def _choose(evidence: DecidedCases, start: int, predicted: Float64) -> tuple[str, str]:
    """The predictor with which cases from ``start`` on are least surprising, simpler ones unless beaten for certain."""
    past, by_rules, label = evidence.label[:start], evidence.by_rules, evidence.label[start:]
    shares, by_rule = class_shares(past, by_rules[:start], evidence.classes)
    losses = {
        XGBOOST: log_losses(predicted, label),
        RULES: log_losses(by_rule[by_rules[start:]], label),
        MAJORITY: log_losses(np.tile(shares, (len(label), 1)), label),
    }
    rare = len(label) - int(np.bincount(label).max())
    if rare < LEAST_RARE:
        return MAJORITY, f"only {rare} of {len(label)} later cases are not of the commonest class"
    simpler = RULES if _gain(losses[MAJORITY], losses[RULES], evidence.week[start:])[0] > 0 else MAJORITY
    low, high = _gain(losses[simpler], losses[XGBOOST], evidence.week[start:])
    means = ", ".join(f"{name} {loss.mean():.4f}" for name, loss in losses.items())
    compared = f"log loss of {len(label)} later cases: {means}; xgboost less than {simpler} by [{low:.4f}, {high:.4f}]"
    return (XGBOOST if low > 0 else simpler), compared


def _gain(losses: Float64, better: Float64, week: Indices) -> tuple[float, float]:
    """The 95 % interval of how much smaller the losses ``better`` are, resampling weeks."""
    return block_mean_interval(losses - better, week, DRAWS)
