"""How good predictions were, week by week, beside rules and majority; from cases decided after those learned."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from opint.actions.action import TARGETS
from opint.actions.comparison import Prediction
from opint.actions.examples import WEEK, Examples
from opint.actions.metrics import calibration_error, coverage_at_precision, log_losses, macro_auc, macro_recall

ALL_WEEKS = "all"


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
