"""How an emulated recovery ends: a function of the hidden cause and of what was done, and what it costs."""

from collections.abc import Mapping

from opint.actions.action import TARGETS, RecoveryAction
from opint.actions.simulation.causes import HiddenState

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
