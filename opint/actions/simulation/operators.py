"""Operators of the emulation, who see causes through a glass, have habits, and err; and how their recoveries end.

Nothing about single operators is published; skills, habits and errors are set once, for six people who follow the same
instructions, and are the same for every seed. The end is a function of the hidden cause and of what was done, and what
it costs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opint.actions.action import PUBLISHED_SHARES, TARGETS, RecoveryAction
from opint.actions.simulation.causes import CAUSES, HiddenState

_PLAIN: Mapping[str, tuple[float, float, float]] = {
    "transient": (0.94, 0.92, 0.90),
    "site-outage": (0.62, 0.80, 0.85),
    "storage": (0.45, 0.50, 0.80),
    "memory": (0.12, 0.12, 0.60),
    "long-jobs": (0.15, 0.15, 0.60),
    "bad-replica": (0.30, 0.35, 0.85),
    "lost-file": (0.07, 0.12, 0.88),
    "sporadic-crash": (0.88, 0.88, 0.85),
    "reproducible-fault": (0.08, 0.84, 0.60),
}
"""Probability of success after ACDC, clone and special without the parameter that helps."""
_HELPED: Mapping[str, float] = {
    "site-outage": 0.92,
    "storage": 0.91,
    "memory": 0.92,
    "long-jobs": 0.90,
    "bad-replica": 0.85,
}
"""With it: sites excluded or data read from elsewhere, enough memory, shorter jobs."""
_PARTLY = 0.40
"""With shorter jobs that are still too long."""

_WASTE: Mapping[str, float] = {"acdc": 0.0, "clone": 0.5, "special": 0.7}
"""What is run again without need, and what work by hand delays, in units of the wall time lost so far."""
_FAILURE = 3.0
"""What a recovery that fails costs, in the same units: the jobs once more, and the delay."""
_CHANGE = 0.05
"""What each changed parameter costs: slots with more memory are rarer, files are read more slowly from elsewhere."""


def success_probability(hidden: HiddenState, action: RecoveryAction) -> float:
    """How likely the workflow ends well after ``action``."""
    plain = _PLAIN[hidden.cause][TARGETS["action"].index(action.action)]
    return max(plain, _parameters_help(hidden, action))


def expected_loss(hidden: HiddenState, action: RecoveryAction, lost_wall_time: float) -> float:
    """Wall time (s) that is lost on average by ``action`` on a workflow that has lost ``lost_wall_time`` so far."""
    failing = 1.0 - success_probability(hidden, action)
    changed = [action.memory != "default", action.splitting != "default", action.xrootd != "default"]
    changes = sum([*changed, bool(action.excluded_sites)])
    return lost_wall_time * (_WASTE[action.action] + _CHANGE * changes + _FAILURE * failing)


def best_action(hidden: HiddenState) -> RecoveryAction:
    """The action that loses least, for who knows the cause."""
    elsewhere = "enabled" if hidden.cause in ("storage", "bad-replica") else "default"
    helpful = (hidden.memory, hidden.splitting, elsewhere, hidden.failing_sites)
    candidates = [RecoveryAction(name, *parameters) for name in TARGETS["action"] for parameters in (helpful, ())]
    return min(candidates, key=lambda action: expected_loss(hidden, action, 1.0))


def _parameters_help(hidden: HiddenState, action: RecoveryAction) -> float:
    helped = _HELPED.get(hidden.cause, 0.0)
    elsewhere = action.xrootd == "enabled"
    if hidden.cause == "site-outage":
        return helped if elsewhere or set(hidden.failing_sites) <= set(action.excluded_sites) else 0.0
    if hidden.cause in ("storage", "bad-replica"):
        return helped if elsewhere else 0.0
    if hidden.cause == "memory":
        levels = TARGETS["memory"]
        return helped if levels.index(action.memory) >= levels.index(hidden.memory) else 0.0
    if hidden.cause == "long-jobs" and action.splitting != "default":
        enough = action.splitting == "10-100x" or hidden.splitting == "2-3x"
        return helped if enough else _PARTLY
    return 0.0


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
