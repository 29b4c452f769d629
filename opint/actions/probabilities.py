"""Predicted probabilities (n, k) of k classes: how good they are against the classes (n,) decided, and calibration.

Calibration makes them match observed frequencies and finds the confidence below which to abstain. Both are learned from
predictions for cases that were decided after those that the model had learned from.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.special import log_softmax, softmax
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


PRIOR_STRENGTH = 1.0
"""Weight of the prior that no correction is needed, in units of cases."""
CURVE_CASES, CURVE_POINTS = 25.0, 20
"""Expected variance p (1 - p) of the cases, in sum, that a point of a curve rests on; and most points of a curve."""
NEVER = 1.01
"""A confidence that no prediction reaches."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Frequencies that were ``observed`` where probabilities were ``predicted``: both (m,), from 0 to 1, growing."""

    predicted: tuple[float, ...]
    observed: tuple[float, ...]

    def __call__(self, probability: Float64) -> Float64:
        """The frequency (n,) between the nearest points."""
        return np.interp(probability, self.predicted, self.observed)


@dataclass(frozen=True, slots=True)
class ClassCalibration:
    """Platt's scaling for several classes (C. Guo et al., ICML 2017), then a growing curve for each class.

    Scaled log-probabilities are ``slope`` (above 0) times the logarithms plus the ``shifts`` (k) of the classes. The
    ``curves`` (k) are isotonic regressions (B. Zadrozny and C. Elkan, KDD 2002), with straight lines between their
    blocks, so that unequal probabilities stay unequal.
    """

    slope: float
    shifts: tuple[float, ...]
    curves: tuple[Curve, ...]

    def __call__(self, probability: Float64) -> Float64:
        """Calibrated probabilities (n, k)."""
        scaled = _scaled(probability, self.slope, self.shifts)
        observed = np.column_stack([curve(scaled[:, each]) for each, curve in enumerate(self.curves)]) + FLOOR
        calibrated: Float64 = observed / observed.sum(axis=1, keepdims=True)
        return calibrated


def fit_calibration(probability: Float64, label: Indices) -> ClassCalibration:
    """What is learned from probabilities (n, k) and classes (n,); no correction for too few cases."""
    slope, shifts = _fit_scaling(probability, label)
    scaled = _scaled(probability, slope, shifts)
    curves = tuple(_fit_curve(scaled[:, each], label == each) for each in range(probability.shape[1]))
    return ClassCalibration(slope, shifts, curves)


def _scaled(probability: Float64, slope: float, shifts: tuple[float, ...]) -> Float64:
    scaled: Float64 = softmax(slope * np.log(np.maximum(probability, FLOOR)) + np.array(shifts), axis=1)
    return scaled


def _fit_curve(probability: Float64, occurred: Mask) -> Curve:
    order = np.argsort(probability, kind="stable")
    variance = np.cumsum((probability * (1.0 - probability))[order])
    points = int(min(variance[-1] // CURVE_CASES, CURVE_POINTS))
    if points == 0:
        return Curve((0.0, 1.0), (0.0, 1.0))
    ends = np.searchsorted(variance, variance[-1] * np.arange(1, points) / points)
    parts = [part for part in np.split(order, np.unique(ends)) if len(part)]
    cases = np.array([len(part) for part in parts], dtype=np.float64)
    predicted = np.array([probability[part].mean() for part in parts])
    prior = PRIOR_STRENGTH * predicted
    observed = (np.array([occurred[part].sum() for part in parts]) + prior) / (cases + PRIOR_STRENGTH)
    grown = isotonic_regression(observed, weights=cases)
    starts = grown.blocks[:-1]
    centres = np.add.reduceat(predicted * cases, starts) / np.add.reduceat(cases, starts)
    return Curve((0.0, *map(float, centres), 1.0), (0.0, *map(float, grown.x[starts]), 1.0))


def _fit_scaling(probability: Float64, label: Indices) -> tuple[float, tuple[float, ...]]:
    classes = probability.shape[1]
    logarithms = np.log(np.maximum(probability, FLOOR))
    decided = np.eye(classes)[label]

    def loss(parameters: Float64) -> tuple[float, Float64]:
        slope, shifts = np.exp(parameters[0]), parameters[1:]
        scaled = log_softmax(slope * logarithms + shifts, axis=1)
        residual = np.exp(scaled) - decided
        value = -(decided * scaled).sum() + PRIOR_STRENGTH * (parameters @ parameters)
        gradient = np.append((residual * logarithms).sum() * slope, residual.sum(axis=0))
        return float(value), gradient + 2 * PRIOR_STRENGTH * parameters

    slope, *shifts = minimize(loss, np.zeros(classes + 1), jac=True, method="L-BFGS-B").x
    return float(np.exp(slope)), tuple(map(float, shifts))


def least_confidence(probability: Float64, label: Indices, precision: float) -> float:
    """The smallest confidence so that of the predictions at least as sure, ``precision`` are right; or NEVER."""
    confidence = probability.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    right = (probability.argmax(axis=1) == label)[order]
    last = np.append(confidence[order][1:] != confidence[order][:-1], True)
    enough = np.flatnonzero((np.cumsum(right) >= precision * np.arange(1, len(right) + 1)) & last)
    return float(confidence[order][enough[-1]]) if len(enough) else NEVER
