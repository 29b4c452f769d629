"""Probabilities that match observed frequencies, and the confidence below which to abstain.

Both are learned from predictions for cases that were decided after those that the model had learned from.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from opint.actions.arrays import Float64, Labels
from opint.actions.metrics import FLOOR

PRIOR_STRENGTH = 1.0
"""Weight of the prior that no correction is needed, in units of cases."""
NEVER = 1.01
"""A confidence that no prediction reaches."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Scaled log-probabilities are ``slope`` (above 0) times the logarithms plus the ``shifts`` (k) of the classes.

    Platt's scaling for several classes (C. Guo et al., ICML 2017).
    """

    slope: float
    shifts: tuple[float, ...]

    def __call__(self, probability: Float64) -> Float64:
        """Calibrated probabilities (n, k)."""
        scaled = self.slope * np.log(np.maximum(probability, FLOOR)) + np.array(self.shifts)
        calibrated: Float64 = softmax(scaled, axis=1)
        return calibrated


def fit_scaling(probability: Float64, label: Labels) -> Scaling:
    """The scaling learned from probabilities (n, k) and classes (n,); no correction for too few cases."""
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
    return Scaling(float(np.exp(slope)), tuple(map(float, shifts)))


def least_confidence(probability: Float64, label: Labels, precision: float) -> float:
    """The smallest confidence so that of the predictions at least as sure, ``precision`` are right; or NEVER."""
    confidence = probability.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    right = (probability.argmax(axis=1) == label)[order]
    last = np.append(confidence[order][1:] != confidence[order][:-1], True)
    enough = np.flatnonzero((np.cumsum(right) >= precision * np.arange(1, len(right) + 1)) & last)
    return float(confidence[order][enough[-1]]) if len(enough) else NEVER
