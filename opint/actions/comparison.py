"""Methods side by side: learned from the same earlier cases, judged on the same later ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from opint.actions.action import TARGETS
from opint.actions.arrays import Float64, Labels
from opint.actions.examples import Examples
from opint.actions.features import COUNT_KINDS, FeatureSpace
from opint.actions.metrics import balanced_decision
from opint.actions.predictor import TrainedPredictor
from opint.actions.target_model import class_shares

MAJORITY, RULES, LOGISTIC, PERCEPTRON, MODEL = "majority", "rules", "logistic", "perceptron", "model"


@dataclass(frozen=True)
class Prediction:
    """Probabilities (n, k) of a target; ``balanced`` are the decisions (n,) that weigh all classes alike."""

    probability: Float64
    balanced: Labels


Method = Callable[[Examples, Examples, str], Prediction]
"""From earlier cases, later cases and a target to predictions for the later ones."""


def predict_majority(earlier: Examples, later: Examples, target: str) -> Prediction:
    """The shares of the earlier cases, for all."""
    shares = _shares(earlier, target)
    return _prediction(np.tile(shares, (len(later), 1)), shares)


def predict_rules(earlier: Examples, later: Examples, target: str) -> Prediction:
    """The shares of the earlier cases for which the rules say the same."""
    _, by_rule = class_shares(earlier.labels[target], earlier.by_rules[target], len(TARGETS[target]))
    return _prediction(by_rule[later.by_rules[target]], _shares(earlier, target))


def predict_logistic(earlier: Examples, later: Examples, target: str) -> Prediction:
    """Logistic regression on counts; the majority where only one class was decided so far."""
    from opint.actions.models.logistic import train_logistic  # noqa: PLC0415 - an extra

    label = earlier.labels[target]
    if len(np.unique(label)) < 2:
        return predict_majority(earlier, later, target)
    space = FeatureSpace.of(earlier.rows, COUNT_KINDS)
    model = train_logistic(space.matrix(earlier.rows), label, len(TARGETS[target]))
    return _prediction(model.probabilities(space.matrix(later.rows)), _shares(earlier, target))


def predict_perceptron(earlier: Examples, later: Examples, target: str) -> Prediction:
    """The published network on counts; it learns from balanced classes, so that its likeliest class is balanced."""
    from opint.actions.models.perceptron import train_perceptron  # noqa: PLC0415 - an extra

    space = FeatureSpace.of(earlier.rows, COUNT_KINDS)
    model = train_perceptron(space.matrix(earlier.rows), earlier.labels[target], len(TARGETS[target]), 0)
    probability = model.probabilities(space.matrix(later.rows))
    return Prediction(probability, probability.argmax(axis=1))


PEERS: Mapping[str, Method] = {
    MAJORITY: predict_majority,
    RULES: predict_rules,
    LOGISTIC: predict_logistic,
    PERCEPTRON: predict_perceptron,
}


def predict_model(predictor: TrainedPredictor, later: Examples) -> Mapping[str, Prediction]:
    """The trained predictor, by target."""
    probabilities = predictor.probabilities([case.failures for case in later.cases])
    return {
        name: _prediction(probability, predictor.targets[name].shares) for name, probability in probabilities.items()
    }


def _shares(earlier: Examples, target: str) -> Float64:
    return class_shares(earlier.labels[target], earlier.by_rules[target], len(TARGETS[target]))[0]


def _prediction(probability: Float64, shares: Float64) -> Prediction:
    return Prediction(probability, balanced_decision(probability, shares))
