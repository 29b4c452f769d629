"""How good forecasts were: counts of hits and misses, and areas under curves of probabilities."""

from dataclasses import dataclass

import numpy as np

from streams.arrays import Float64, Mask

ALL, NEW = "all", "new"
"""Groups next to the data tiers: all datasets, and those with hardly any history."""


@dataclass(frozen=True, slots=True)
class ConfusionCounts:
    """Hits and misses of yes-or-no forecasts; counts of disjoint sets add."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @classmethod
    def of(cls, forecast: Mask, popular: Mask) -> "ConfusionCounts":
        """The counts of forecasts and outcomes of equal shape."""
        hits = int((forecast & popular).sum())
        forecasts, positives = int(forecast.sum()), int(popular.sum())
        return cls(hits, forecasts - hits, positives - hits, forecast.size - forecasts - positives + hits)

    def __add__(self, other: "ConfusionCounts") -> "ConfusionCounts":
        """The counts of both."""
        return ConfusionCounts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.true_negatives + other.true_negatives,
        )

    @property
    def tpr(self) -> float:
        """Share of popular datasets that were forecast (true-positive rate, recall); NaN if there were none."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def tnr(self) -> float:
        """Share of other datasets that were not forecast (true-negative rate); NaN if there were none."""
        return _ratio(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def precision(self) -> float:
        """Share of forecast datasets that were popular; NaN if there were none."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN if nothing was popular and nothing forecast."""
        hits = 2 * self.true_positives
        return _ratio(hits, hits + self.false_positives + self.false_negatives)


def average_precision(probability: Float64, popular: Mask) -> float:
    """Mean precision over the popular datasets, each at the threshold that just includes it; ties count together.

    NaN if nothing was popular.
    """
    hits, forecasts = _curve(probability, popular)
    if not len(hits) or hits[-1] == 0:
        return float("nan")
    return float((np.diff(hits, prepend=0) * hits / forecasts).sum() / hits[-1])


def roc_auc(probability: Float64, popular: Mask) -> float:
    """Probability that a popular dataset is ranked above another, ties counting half; NaN without both classes."""
    hits, forecasts = _curve(probability, popular)
    if not len(hits) or hits[-1] in (0, forecasts[-1]):
        return float("nan")
    misses = forecasts - hits
    steps, between = np.diff(misses, prepend=0), (hits + np.concatenate([[0], hits[:-1]])) / 2
    return float((steps * between).sum() / hits[-1] / misses[-1])


def _curve(probability: Float64, popular: Mask) -> tuple[Float64, Float64]:
    """Cumulative hits and forecasts at each distinct probability, from the largest down."""
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if len(ordered) else np.empty(0, np.intp)
    hits = np.cumsum(popular[order], dtype=np.float64)[last]
    return hits, (last + 1).astype(np.float64)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
