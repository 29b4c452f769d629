"""How good predicted probabilities (n, k) of k classes are against the classes (n,) that were decided."""

import numpy as np
from scipy.stats import rankdata

from streams.arrays import Float64, Indices, Mask

BINS = 15
FLOOR = 1e-9


def auc(score: Float64, positive: Mask) -> float:
    """Area under the ROC curve: how likely a positive has the larger score, ties counting half; NaN without both."""
    count = int(positive.sum())
    if count in (0, len(positive)):
        return float("nan")
    ranks = rankdata(score)[positive].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(positive) - count)))


def macro_auc(probability: Float64, label: Indices) -> float:
    """Mean over the classes that occur of the area for that class against the others."""
    areas = [auc(probability[:, each], label == each) for each in range(probability.shape[1])]
    return float(np.nanmean(areas)) if not np.all(np.isnan(areas)) else float("nan")


def macro_recall(decision: Indices, label: Indices) -> float:
    """Mean over the classes that occur of the share of their cases that was recognised."""
    return float(np.mean([(decision[label == each] == each).mean() for each in np.unique(label)]))


def macro_precision(decision: Indices, label: Indices) -> float:
    """Mean over the classes that occur of the share of decisions for them that was right; 0 for none."""
    shares = []
    for each in np.unique(label):
        decided = decision == each
        shares.append(float((label[decided] == each).mean()) if decided.any() else 0.0)
    return float(np.mean(shares))


def log_losses(probability: Float64, label: Indices) -> Float64:
    """Logarithmic loss (n,) of each case, in nats."""
    losses: Float64 = -np.log(np.maximum(probability[np.arange(len(label)), label], FLOOR))
    return losses


def calibration_error(probability: Float64, label: Indices) -> float:
    """Expected calibration error of the likeliest class: mean difference of confidence and accuracy.

    Over bins of equal numbers of cases (M. P. Naeini et al., AAAI 2015).
    """
    confidence = probability.max(axis=1)
    right = probability.argmax(axis=1) == label
    parts = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    return float(
        sum(abs(confidence[part].mean() - right[part].mean()) * len(part) for part in parts if len(part))
    ) / len(label)


def coverage_at_precision(probability: Float64, label: Indices, precision: float) -> float:
    """Largest share of the cases, the surest first, of which at least ``precision`` are right."""
    order = np.argsort(-probability.max(axis=1), kind="stable")
    right = (probability.argmax(axis=1) == label)[order]
    enough = np.flatnonzero(np.cumsum(right) >= precision * np.arange(1, len(right) + 1))
    return float((enough[-1] + 1) / len(right)) if len(enough) else 0.0


def balanced_decision(probability: Float64, prior: Float64) -> Indices:
    """The class whose probability exceeds its share ``prior`` (k,) by the largest factor: best for macro recall."""
    decision: Indices = np.argmax(probability / np.maximum(prior, FLOOR), axis=1)
    return decision
