"""Probabilities that match observed frequencies: corrected with forecasts whose outcome is known.

Platt scaling, a logistic curve on the log-odds (J. Platt, Advances in Large Margin Classifiers (1999) 61), is fitted to
forecasts and outcomes of weeks that are over when the forecast is made. It never changes the order of the datasets.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from opint.popularity.predictors import ForecastTask, Predictor
from streams.arrays import Float64, Indices, Mask

OUTCOME_WEEKS = 52
"""Forecasts of the newest year with a known outcome are used for calibration and for the threshold."""
PROBABILITY_FLOOR = 1e-6
"""Probabilities are clipped to this distance from 0 and 1."""
LEAST_PER_CLASS = 20
"""Outcomes of each class needed for a correction."""
PRIOR_STRENGTH = 1e-2
"""Weight of the prior that no correction is needed, in units of examples."""


@dataclass(frozen=True, slots=True)
class PlattScaling:
    """Corrected log-odds are ``slope`` (above zero) times the log-odds, plus ``shift``."""

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, probability: Float64) -> Float64:
        """Calibrated probabilities (r,); the same array if the scaling is the identity."""
        if (self.slope, self.shift) == (1.0, 0.0):
            return probability
        calibrated: Float64 = expit(self.slope * _log_odds(probability) + self.shift)
        return calibrated


@dataclass
class CalibratedModel:
    """The calibrated probabilities of ``predictor``; weeks must be requested in order."""

    predictor: Predictor
    _forecasts: dict[int, tuple[Indices, Float64]] = field(default_factory=dict, init=False)

    def __call__(self, task: ForecastTask, week: int) -> tuple[Indices, Float64]:
        """As :data:`opint.popularity.predictors.Predictor`."""
        dataset, probability = self.predictor(task, week)
        outcomes = task.label.holds(task.history.measures[task.label.measure])
        over = [earlier for earlier in self._forecasts if earlier + task.horizon <= week][-OUTCOME_WEEKS:]
        self._forecasts[week] = dataset, probability
        if not over:
            return dataset, probability
        past = np.concatenate([self._forecasts[earlier][1] for earlier in over])
        popular = np.concatenate([outcomes[self._forecasts[earlier][0], earlier + task.horizon] for earlier in over])
        return dataset, fit_platt(past, popular)(probability)


def fit_platt(probability: Float64, popular: Mask) -> PlattScaling:
    """The scaling learned from forecasts (n,) and outcomes (n,)."""
    if min(int(popular.sum()), int((~popular).sum())) < LEAST_PER_CLASS:
        return PlattScaling()
    odds, outcome = _log_odds(probability), popular.astype(np.float64)

    def loss(parameters: Float64) -> tuple[float, Float64]:
        slope, shift = np.exp(parameters[0]), parameters[1]
        scaled = slope * odds + shift
        residual = expit(scaled) - outcome
        value = np.logaddexp(0.0, scaled).sum() - (outcome * scaled).sum() + PRIOR_STRENGTH * (parameters @ parameters)
        gradient = np.array([(residual * odds).sum() * slope, residual.sum()])
        return float(value), gradient + 2 * PRIOR_STRENGTH * parameters

    slope, shift = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B").x
    return PlattScaling(float(np.exp(slope)), float(shift))


def is_unsure(probability: Float64, confidence: float) -> Mask:
    """Where neither yes nor no has a probability of at least ``confidence`` (above one half)."""
    unsure: Mask = np.maximum(probability, 1.0 - probability) < confidence
    return unsure


def _log_odds(probability: Float64) -> Float64:
    log_odds: Float64 = logit(np.clip(probability, PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR))
    return log_odds
