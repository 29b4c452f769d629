"""What the page Popularity shows: the models of each tier side by side, in total and week by week. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from opint.popularity.metrics import ALL, NEW, ConfusionCounts
from opint.store.popularity import StoredScore


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """One model in one tier over all stored weeks; shares are NaN where there is nothing to divide by.

    ``f1_by_week`` has NaN where a week has none.
    """

    tier: str
    model: str
    tpr: float
    tnr: float
    precision: float
    f1: float
    popular: int
    f1_by_week: list[float]


def summary_lines(scores: Sequence[StoredScore]) -> list[SummaryLine]:
    """All datasets first, then new ones, then tier by tier; models in the order of their F1, best first."""
    tiers = sorted({score.tier for score in scores}, key=lambda tier: (tier != ALL, tier != NEW, tier))
    weeks = sorted({score.week for score in scores})
    board = []
    for tier in tiers:
        tier_scores = [score for score in scores if score.tier == tier]
        models = sorted({score.model for score in tier_scores})
        lines = [
            _summary_line(tier, model, [score for score in tier_scores if score.model == model], weeks)
            for model in models
        ]
        board += sorted(lines, key=lambda line: -1.0 if math.isnan(line.f1) else line.f1, reverse=True)
    return board


def _summary_line(tier: str, model: str, scores: Sequence[StoredScore], weeks: Sequence[str]) -> SummaryLine:
    counts = sum((_counts(score) for score in scores), start=ConfusionCounts(0, 0, 0, 0))
    popular = counts.true_positives + counts.false_negatives
    by_week = {score.week: _counts(score).f1 for score in scores}
    f1_by_week = [by_week.get(week, math.nan) for week in weeks]
    return SummaryLine(tier, model, counts.tpr, counts.tnr, counts.precision, counts.f1, popular, f1_by_week)


def _counts(score: StoredScore) -> ConfusionCounts:
    return ConfusionCounts(score.true_positives, score.false_positives, score.false_negatives, score.true_negatives)
