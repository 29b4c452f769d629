"""Probabilities that mean what they say: corrected by forecasts that have come true.

A logistic curve on the log-odds (J. Platt, Advances in Large Margin Classifiers (1999) 61) is fitted to what was
forecast and what came, of weeks that are over when the forecast is made. It never changes who is before whom.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from opint.popularity.history import Float64
from opint.popularity.rolling import REMEMBERED_WEEKS, Flags, Places, Question, Score

SUREST = 1e-6
"""No probability is taken to be surer than this."""
LEAST_OF_EACH = 20
"""Popular and other datasets without which nothing is corrected."""
PRIOR = 1e-2
"""Strength of the belief that nothing need be corrected, in units of examples."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Corrected log-odds are ``slope`` (above zero) times the log-odds, plus ``shift``."""

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, probability: Float64) -> Float64:
        """Calibrated probabilities (r,) for those that were told; as they are where nothing is to be corrected."""
        if (self.slope, self.shift) == (1.0, 0.0):
            return probability
        calibrated: Float64 = expit(self.slope * _log_odds(probability) + self.shift)
        return calibrated


@dataclass
class Calibrated:
    """The probabilities of ``score``, corrected; ask for the weeks in their order."""

    score: Score
    _made: dict[int, tuple[Places, Float64]] = field(default_factory=dict, init=False)

    def __call__(self, question: Question, week: int) -> tuple[Places, Float64]:
        """As :data:`opint.popularity.rolling.Score`."""
        dataset, probability = self.score(question, week)
        outcomes = question.label.holds(question.history.measures[question.label.measure])
        over = [earlier for earlier in self._made if earlier + question.horizon <= week][-REMEMBERED_WEEKS:]
        self._made[week] = dataset, probability
        if not over:
            return dataset, probability
        past = np.concatenate([self._made[earlier][1] for earlier in over])
        popular = np.concatenate([outcomes[self._made[earlier][0], earlier + question.horizon] for earlier in over])
        return dataset, curve(past, popular)(probability)


def curve(probability: Float64, popular: Flags) -> Curve:
    """Learned from forecasts (n,) and outcomes (n,)."""
    if min(int(popular.sum()), int((~popular).sum())) < LEAST_OF_EACH:
        return Curve()
    odds, outcome = _log_odds(probability), popular.astype(np.float64)

    def loss(parameters: Float64) -> tuple[float, Float64]:
        slope, shift = np.exp(parameters[0]), parameters[1]
        scaled = slope * odds + shift
        residual = expit(scaled) - outcome
        value = np.logaddexp(0.0, scaled).sum() - (outcome * scaled).sum() + PRIOR * (parameters @ parameters)
        return float(value), np.array([(residual * odds).sum() * slope, residual.sum()]) + 2 * PRIOR * parameters

    slope, shift = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B").x
    return Curve(float(np.exp(slope)), float(shift))


def unsure(probability: Float64, confidence: float) -> Flags:
    """Where neither yes nor no is right with at least ``confidence`` (above one half): better to abstain."""
    unsure_rows: Flags = np.maximum(probability, 1.0 - probability) < confidence
    return unsure_rows


def _log_odds(probability: Float64) -> Float64:
    log_odds: Float64 = logit(np.clip(probability, SUREST, 1.0 - SUREST))
    return log_odds
