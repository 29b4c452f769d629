"""The scoreboard: how often suggestions were what operators did, by week, beside the rules and the commonest decision.

Operators see a suggestion before they decide, so that agreement flatters whatever was shown; where that was a model,
rules and majority were not. Rejected suggestions, of which nobody knows what had been right, are counted apart.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opint.store.workflow_decisions import DecidedSuggestion

Target = Literal["action", "memory", "splitting", "xrootd"]
"""A name of :data:`opint.actions.action.TARGETS`."""

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
MONDAY_S = 4 * DAY_S
"""The first Monday of 1970."""
BINS = 10


@dataclass(frozen=True, slots=True)
class PredictedClass:
    """A class with the probability it was given; ``abstained`` where that was not enough to stand for it."""

    value: str
    probability: float
    abstained: bool


@dataclass(frozen=True, slots=True)
class WeekScore:
    """One predictor in one week; shares are 0 to 1.

    ``macro_recall`` is the mean over the classes that were decided of the share that was suggested; ``precision`` is
    the accuracy where the predictor did not abstain (None: it always did), ``coverage`` how often that was;
    ``calibration_error`` the expected difference of probability and accuracy.
    """

    week_s: float
    predictor: str
    decisions: int
    rejected: int
    accuracy: float
    macro_recall: float
    precision: float | None
    coverage: float
    calibration_error: float


def week_of(at_s: float) -> float:
    """Monday, 0:00 UTC, of the week of a time."""
    return (at_s - MONDAY_S) // WEEK_S * WEEK_S + MONDAY_S


def scoreboard(decided: Iterable[DecidedSuggestion], target: Target = "action") -> list[WeekScore]:
    """Scores of a target by week, newest first, of these decisions (oldest first): model, rules, majority.

    The majority of a week is the commonest class of the weeks before.
    """
    weeks: dict[float, list[DecidedSuggestion]] = defaultdict(list)
    for decision in decided:
        weeks[week_of(decision.at_s)].append(decision)
    past, scores = Counter[str](), list[WeekScore]()
    for week_s, decisions in sorted(weeks.items()):
        acted_on = [decision for decision in decisions if decision.action is not None]
        truth = [str(decision.action[target]) for decision in acted_on if decision.action]
        rejected = len(decisions) - len(acted_on)
        predictions = {
            "model": [_predicted(decision.model, target) for decision in acted_on],
            "rules": [_predicted(decision.rules, target) for decision in acted_on],
            "majority": [_majority(past)] * len(acted_on),
        }
        for predictor, predicted in predictions.items():
            pairs = [
                (prediction, value)
                for prediction, value in zip(predicted, truth, strict=True)
                if prediction is not None
            ]
            if pairs:
                scores.append(_score(week_s, predictor, rejected, pairs))
        past.update(truth)
    return sorted(scores, key=lambda score: -score.week_s)


def _score(week_s: float, predictor: str, rejected: int, pairs: Sequence[tuple[PredictedClass, str]]) -> WeekScore:
    right = [prediction.value == value for prediction, value in pairs]
    firm = [prediction.value == value for prediction, value in pairs if not prediction.abstained]
    by_class: dict[str, list[bool]] = defaultdict(list)
    for (_, value), is_right in zip(pairs, right, strict=True):
        by_class[value].append(is_right)
    return WeekScore(
        week_s=week_s,
        predictor=predictor,
        decisions=len(pairs),
        rejected=rejected,
        accuracy=_mean(right),
        macro_recall=_mean([_mean(of_class) for of_class in by_class.values()]),
        precision=_mean(firm) if firm else None,
        coverage=len(firm) / len(pairs),
        calibration_error=_calibration_error([prediction.probability for prediction, _ in pairs], right),
    )


def _calibration_error(probabilities: Sequence[float], right: Sequence[bool]) -> float:
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for probability, is_right in zip(probabilities, right, strict=True):
        bins[min(int(probability * BINS), BINS - 1)].append((probability, is_right))
    gaps = [abs(sum(p for p, _ in members) - sum(is_right for _, is_right in members)) for members in bins.values()]
    return sum(gaps) / len(right)


def _predicted(content: Mapping[str, Any] | None, name: Target) -> PredictedClass | None:
    """What a stored suggestion says; None where there is none, or where it was a refusal."""
    target = content and not content["refusal"] and content["targets"].get(name)
    if not target:
        return None
    value = target["value"]
    return PredictedClass(value, target["probabilities"].get(value, 0.0), target["abstained"])


def _majority(past: Counter[str]) -> PredictedClass | None:
    if not past:
        return None
    value, count = min(past.items(), key=lambda item: (-item[1], item[0]))
    return PredictedClass(value, count / past.total(), False)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
