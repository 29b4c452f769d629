"""What the page of popularity shows: each tier's models side by side, summed and week by week. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from opint.popularity.metrics import ALL, NEW, Counts
from opint.store.popularity import Score

WIDTH, HEIGHT = 160.0, 26.0
"""Of a sparkline, in its own units."""


@dataclass(frozen=True, slots=True)
class Line:
    """One model in one tier over all stored weeks; shares are NaN where there is nothing to divide by.

    ``spark`` are the corners of its F1 by week, as SVG wants them; empty where it is known of fewer than two weeks.
    """

    tier: str
    model: str
    tpr: float
    tnr: float
    precision: float
    f1: float
    popular: int
    spark: str


def lines(scores: Sequence[Score]) -> list[Line]:
    """All datasets first, then new ones, then tier by tier; models in the order of their F1, best first."""
    tiers = sorted({one.tier for one in scores}, key=lambda tier: (tier != ALL, tier != NEW, tier))
    weeks = sorted({one.week for one in scores})
    found = []
    for tier in tiers:
        mine = [one for one in scores if one.tier == tier]
        models = sorted({one.model for one in mine})
        made = [_line(tier, model, [one for one in mine if one.model == model], weeks) for model in models]
        found += sorted(made, key=lambda line: -1.0 if math.isnan(line.f1) else line.f1, reverse=True)
    return found


def _line(tier: str, model: str, scores: Sequence[Score], weeks: Sequence[str]) -> Line:
    counts = sum((_counts(one) for one in scores), start=Counts(0, 0, 0, 0))
    popular = counts.true_positives + counts.false_negatives
    spark = _spark({one.week: _counts(one).f1 for one in scores}, weeks)
    return Line(tier, model, counts.tpr, counts.tnr, counts.precision, counts.f1, popular, spark)


def _spark(f1: dict[str, float], weeks: Sequence[str]) -> str:
    step = WIDTH / max(1, len(weeks) - 1)
    known = [(step * place, f1[week]) for place, week in enumerate(weeks) if not math.isnan(f1.get(week, math.nan))]
    if len(known) < 2:
        return ""
    return " ".join(f"{x:.1f},{HEIGHT - 1 - (HEIGHT - 2) * value:.1f}" for x, value in known)


def _counts(one: Score) -> Counts:
    return Counts(one.true_positives, one.false_positives, one.false_negatives, one.true_negatives)
