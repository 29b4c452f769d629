"""Operators of the emulation: they see causes through a glass, have habits, and err.

Nothing about single operators is published; skills, habits and errors are set once, for six people who follow the same
instructions, and are the same for every seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opint.actions.action import PUBLISHED_SHARES, TARGETS, RecoveryAction
from opint.actions.simulation.causes import CAUSES, HiddenState

Chances = Mapping[str, npt.NDArray[np.float64]]
"""Probability of each class, by target."""

MARGINALS = {name: tuple(PUBLISHED_SHARES[name][each] for each in classes) for name, classes in TARGETS.items()}
"""Published shares of the classes in the order of :data:`TARGETS`."""
SLIPS = 0.02
"""Share of decisions that have nothing to do with the workflow."""
EXCLUSION = 0.8
"""How often the sites of an outage that was recognised are excluded."""

_ACTIONS: Mapping[str, tuple[float, float, float]] = {
    "transient": (0.9895, 0.01, 0.0005),
    "site-outage": (0.973, 0.025, 0.002),
    "storage": (0.967, 0.03, 0.003),
    "memory": (0.957, 0.04, 0.003),
    "long-jobs": (0.94, 0.05, 0.01),
    "bad-replica": (0.90, 0.05, 0.05),
    "lost-file": (0.08, 0.07, 0.85),
    "sporadic-crash": (0.94, 0.055, 0.005),
    "reproducible-fault": (0.09, 0.89, 0.02),
}
_XROOTD: Mapping[str, float] = {
    "transient": 0.05,
    "site-outage": 0.60,
    "storage": 0.88,
    "memory": 0.10,
    "long-jobs": 0.10,
    "bad-replica": 0.75,
    "lost-file": 0.20,
    "sporadic-crash": 0.10,
    "reproducible-fault": 0.10,
}
_LEVEL = (0.88, 0.08)
"""How often the level that is needed is set, and how often another one; else the parameter stays as it is."""


@dataclass(frozen=True, slots=True)
class Operator:
    """``skill`` is how often the cause is recognised; the log-odds of ``clone`` and ``xrootd`` are shifted by habit."""

    skill: float
    clone: float
    xrootd: float


OPERATORS = (
    Operator(0.97, 0.0, 0.3),
    Operator(0.96, 0.4, -0.3),
    Operator(0.95, -0.4, 0.6),
    Operator(0.93, 0.2, -0.6),
    Operator(0.92, -0.2, 0.2),
    Operator(0.88, 0.0, -0.2),
)


def decision_chances(operator: Operator, hidden: HiddenState) -> Chances:
    """The probabilities that the operator's decision is drawn from, all that is hidden included."""
    mixed = {name: SLIPS * np.asarray(shares) for name, shares in MARGINALS.items()}
    for cause, probability in _diagnoses(operator, hidden):
        for name, chances in _chances(operator, cause, hidden).items():
            mixed[name] += (1 - SLIPS) * probability * chances
    return mixed


def decide(operator: Operator, hidden: HiddenState, rng: np.random.Generator) -> RecoveryAction:
    """A decision about a workflow."""
    chances: Chances = {name: np.asarray(shares) for name, shares in MARGINALS.items()}
    cause = "transient"
    if rng.random() >= SLIPS:
        causes, probabilities = zip(*_diagnoses(operator, hidden), strict=True)
        cause = causes[_draw(np.asarray(probabilities), rng)]
        chances = _chances(operator, cause, hidden)
    action, memory, splitting, xrootd = (TARGETS[name][_draw(chances[name], rng)] for name in TARGETS)
    excludes = cause == "site-outage" and rng.random() < EXCLUSION
    return RecoveryAction(action, memory, splitting, xrootd, hidden.failing_sites if excludes else ())


def _diagnoses(operator: Operator, hidden: HiddenState) -> list[tuple[str, float]]:
    wrong = CAUSES[hidden.cause].confused_with
    return [(hidden.cause, operator.skill), *((cause, (1 - operator.skill) / len(wrong)) for cause in wrong)]


def _chances(operator: Operator, cause: str, hidden: HiddenState) -> Chances:
    """The probabilities after the diagnosis ``cause``."""
    odds = np.array(_ACTIONS[cause]) * (1.0, np.exp(operator.clone), 1.0)
    enabled = _XROOTD[cause] * np.exp(operator.xrootd)
    enabled /= enabled + 1 - _XROOTD[cause]
    return {
        "action": odds / odds.sum(),
        "memory": _levels("memory", cause == "memory", hidden.memory),
        "splitting": _levels("splitting", cause == "long-jobs", hidden.splitting),
        "xrootd": np.array([1 - enabled, enabled]),
    }


def _levels(target: str, recognised: bool, needed: str) -> npt.NDArray[np.float64]:
    classes = TARGETS[target]
    chances = np.zeros(len(classes))
    if not recognised:
        chances[0] = 1.0
        return chances
    right, other = _LEVEL
    chances[1:] = other / (len(classes) - 2)
    chances[0] = 1 - right - other
    # Who takes another cause for this one sets the commonest level.
    chances[classes.index(needed) if needed != "default" else len(classes) - 1] = right
    return chances


def _draw(chances: npt.NDArray[np.float64], rng: np.random.Generator) -> int:
    return int(np.searchsorted(np.cumsum(chances), rng.random() * chances.sum(), side="right"))
