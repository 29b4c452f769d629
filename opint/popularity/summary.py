"""What the page Popularity shows: the models of each tier side by side, in total and week by week. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from opint.popularity.metrics import ALL, NEW, Counts
from opint.store.popularity import Score

SPARK_WIDTH, SPARK_HEIGHT = 160.0, 26.0
"""Size of a sparkline in SVG units."""


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """One model in one tier over all stored weeks; shares are NaN where there is nothing to divide by.

    ``spark`` has the points of F1 by week for an SVG polyline; it is empty with fewer than two weeks.
    """

    tier: str
    model: str
    tpr: float
    tnr: float
    precision: float
    f1: float
    popular: int
    spark: str


def summary_lines(scores: Sequence[Score]) -> list[SummaryLine]:
    """All datasets first, then new ones, then tier by tier; models in the order of their F1, best first."""
    tiers = sorted({score.tier for score in scores}, key=lambda tier: (tier != ALL, tier != NEW, tier))
    weeks = sorted({score.week for score in scores})
    board = []
    for tier in tiers:
        tier_scores = [score for score in scores if score.tier == tier]
        models = sorted({score.model for score in tier_scores})
        made = [
            _summary_line(tier, model, [score for score in tier_scores if score.model == model], weeks)
            for model in models
        ]
        board += sorted(made, key=lambda line: -1.0 if math.isnan(line.f1) else line.f1, reverse=True)
    return board


def _summary_line(tier: str, model: str, scores: Sequence[Score], weeks: Sequence[str]) -> SummaryLine:
    counts = sum((_counts(score) for score in scores), start=Counts(0, 0, 0, 0))
    popular = counts.true_positives + counts.false_negatives
    spark = _spark_points({score.week: _counts(score).f1 for score in scores}, weeks)
    return SummaryLine(tier, model, counts.tpr, counts.tnr, counts.precision, counts.f1, popular, spark)


def _spark_points(f1: dict[str, float], weeks: Sequence[str]) -> str:
    step = SPARK_WIDTH / max(1, len(weeks) - 1)
    known = [(step * place, f1[week]) for place, week in enumerate(weeks) if not math.isnan(f1.get(week, math.nan))]
    if len(known) < 2:
        return ""
    return " ".join(f"{x:.1f},{SPARK_HEIGHT - 1 - (SPARK_HEIGHT - 2) * value:.1f}" for x, value in known)


def _counts(score: Score) -> Counts:
    return Counts(score.true_positives, score.false_positives, score.false_negatives, score.true_negatives)
