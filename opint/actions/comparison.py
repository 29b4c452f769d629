"""Methods side by side, week by week: learned from the same earlier cases, judged on the same later ones."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from opint.actions.action import TARGETS
from opint.actions.features import COUNT_KINDS, FeatureSpace
from opint.actions.predictor import TrainedPredictor
from opint.actions.probabilities import (
    balanced_decision,
    calibration_error,
    coverage_at_precision,
    log_losses,
    macro_auc,
    macro_recall,
)
from opint.actions.target_model import class_shares
from opint.actions.training import WEEK, Examples
from streams.arrays import Float64, Indices

MAJORITY, RULES, LOGISTIC, PERCEPTRON, MODEL = "majority", "rules", "logistic", "perceptron", "model"
ALL_WEEKS = "all"


@dataclass(frozen=True)
class Prediction:
    """Probabilities (n, k) of a target; ``balanced`` are the decisions (n,) that weigh all classes alike."""

    probability: Float64
    balanced: Indices


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
    from opint.actions.models.published import train_logistic  # noqa: PLC0415 - an extra

    label = earlier.labels[target]
    if len(np.unique(label)) < 2:
        return predict_majority(earlier, later, target)
    space = FeatureSpace.of(earlier.rows, COUNT_KINDS)
    model = train_logistic(space.matrix(earlier.rows), label, len(TARGETS[target]))
    return _prediction(model.probabilities(space.matrix(later.rows)), _shares(earlier, target))


def predict_perceptron(earlier: Examples, later: Examples, target: str) -> Prediction:
    """The published network on counts; it learns from balanced classes, so that its likeliest class is balanced."""
    from opint.actions.models.published import train_perceptron  # noqa: PLC0415 - an extra

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


@dataclass(frozen=True, slots=True)
class Score:
    """Measures of a method on the ``cases`` of a week (its first day, or :data:`ALL_WEEKS`) and a target.

    ``accuracy`` is that of the likeliest class, ``macro_recall`` that of the balanced decision; ``coverage`` is the
    share of the surest predictions of which the declared precision are right.
    """

    week: str
    target: str
    method: str
    cases: int
    accuracy: float
    macro_recall: float
    macro_auc: float
    log_loss: float
    calibration_error: float
    coverage: float


def score_weeks(
    later: Examples, predictions: Mapping[str, Mapping[str, Prediction]], precision: float
) -> Iterator[Score]:
    """All weeks together, then each, for all targets and methods (``predictions`` by method and target)."""
    weeks = {ALL_WEEKS: np.arange(len(later))}
    for week in np.unique(later.week):
        first_day = np.datetime64(int(week * WEEK), "s").astype("datetime64[D]")
        weeks[str(first_day)] = np.flatnonzero(later.week == week)
    for name, rows in weeks.items():
        for target in TARGETS:
            label = later.labels[target][rows]
            for method, by_target in predictions.items():
                prediction = by_target[target]
                probability = prediction.probability[rows]
                yield Score(
                    name,
                    target,
                    method,
                    len(rows),
                    float((probability.argmax(axis=1) == label).mean()),
                    macro_recall(prediction.balanced[rows], label),
                    macro_auc(probability, label),
                    float(log_losses(probability, label).mean()),
                    calibration_error(probability, label),
                    coverage_at_precision(probability, label, precision),
                )
