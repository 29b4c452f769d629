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

    def __call__(self, told: Float64) -> Float64:
        """Calibrated probabilities (r,) for those that were told; as they are where nothing is to be corrected."""
        if (self.slope, self.shift) == (1.0, 0.0):
            return told
        mended: Float64 = expit(self.slope * _log_odds(told) + self.shift)
        return mended


@dataclass
class Calibrated:
    """The probabilities of ``score``, corrected; ask for the weeks in their order."""

    score: Score
    _made: dict[int, tuple[Places, Float64]] = field(default_factory=dict, init=False)

    def __call__(self, question: Question, week: int) -> tuple[Places, Float64]:
        """As :data:`opint.popularity.rolling.Score`."""
        dataset, told = self.score(question, week)
        known = question.label.holds(question.history.measures[question.label.measure])
        over = [one for one in self._made if one + question.horizon <= week][-REMEMBERED_WEEKS:]
        self._made[week] = dataset, told
        if not over:
            return dataset, told
        past = np.concatenate([self._made[one][1] for one in over])
        popular = np.concatenate([known[self._made[one][0], one + question.horizon] for one in over])
        return dataset, curve(past, popular)(told)


def curve(probability: Float64, popular: Flags) -> Curve:
    """Learned from forecasts (n,) and outcomes (n,)."""
    if min(int(popular.sum()), int((~popular).sum())) < LEAST_OF_EACH:
        return Curve()
    odds, came = _log_odds(probability), popular.astype(np.float64)

    def loss(at: Float64) -> tuple[float, Float64]:
        slope, shift = np.exp(at[0]), at[1]
        bent = slope * odds + shift
        away = expit(bent) - came
        value = np.logaddexp(0.0, bent).sum() - (came * bent).sum() + PRIOR * (at @ at)
        return float(value), np.array([(away * odds).sum() * slope, away.sum()]) + 2 * PRIOR * at

    slope, shift = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B").x
    return Curve(float(np.exp(slope)), float(shift))


def unsure(probability: Float64, confidence: float) -> Flags:
    """Where neither yes nor no is right with at least ``confidence`` (above one half): better to abstain."""
    found: Flags = np.maximum(probability, 1.0 - probability) < confidence
    return found


def _log_odds(probability: Float64) -> Float64:
    found: Float64 = logit(np.clip(probability, SUREST, 1.0 - SUREST))
    return found
