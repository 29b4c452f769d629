"""How likely a run is run again by its user, and after which pause: learned while requests come. Only the past."""

from typing import NamedTuple

import numpy as np

from rl_cache.arrays import Float64
from rl_cache.kernels.approximations import exp, log
from rl_cache.kernels.jit import kernel

RUNS, RERUNS = range(2)
LOG_PAUSE, PAUSES = range(2)
_ALL_USERS = -1
_PRIOR_RUNS = 6.0
"""The share of all users counts as so many runs of each."""
_SHAPE = 1.9
"""Of the log-logistic distribution of pauses: that of a lognormal whose logarithms scatter by 0.9."""
_SHORTEST_S = 60.0
_REMEMBERED = 200.0
"""Reruns over which the typical pause is averaged."""


class RerunHistory(NamedTuple):
    """What users did so far.

    Attributes:
        users: float64[users + 1, 2]: runs begun, and how many of these were run again; all users in the last row.
        pause: float64[2]: mean logarithm of the seconds from the end of a run to the next, and how many there were.
    """

    users: Float64
    pause: Float64


def empty_reruns(n_users: int) -> RerunHistory:
    """Nothing seen yet; a pause is expected to last two days."""
    return RerunHistory(np.zeros((n_users + 1, 2)), np.array([np.log(2 * 86_400.0), 0.0]))


@kernel
def record_run(history: RerunHistory, user: int) -> None:
    """Take in that a user begins a run."""
    history.users[user, RUNS] += 1.0
    history.users[_ALL_USERS, RUNS] += 1.0


@kernel
def record_rerun(history: RerunHistory, user: int, pause_s: float) -> None:
    """Take in that a run, which ended ``pause_s`` ago, is run again."""
    history.users[user, RERUNS] += 1.0
    history.users[_ALL_USERS, RERUNS] += 1.0
    pause = history.pause
    pause[PAUSES] += 1.0
    pause[LOG_PAUSE] += (log(max(pause_s, _SHORTEST_S)) - pause[LOG_PAUSE]) / min(pause[PAUSES], _REMEMBERED)


@kernel
def rerun_probability(history: RerunHistory, user: int) -> float:
    """How likely a run of this user is run again, before it is known whether it is."""
    users = history.users
    mean = (users[_ALL_USERS, RERUNS] + 1.0) / (users[_ALL_USERS, RUNS] + 4.0)
    return float((users[user, RERUNS] + _PRIOR_RUNS * mean) / (users[user, RUNS] + _PRIOR_RUNS))


@kernel
def expect_rerun(history: RerunHistory, user: int, age_s: float, horizon_s: float) -> tuple[float, float]:
    """How likely a run that ended ``age_s`` ago, and was not run again, still is: ever, and within ``horizon_s``."""
    probability, age = rerun_probability(history, user), max(age_s, _SHORTEST_S)
    pending, later = _survival(history, age), _survival(history, age + horizon_s)
    weight = probability / (1.0 - probability + probability * pending)
    return float(weight * pending), float(weight * (pending - later))


@kernel
def _survival(history: RerunHistory, pause_s: float) -> float:
    """Probability that a pause lasts longer."""
    odds = exp(-_SHAPE * (log(pause_s) - history.pause[LOG_PAUSE]))
    return odds / (1.0 + odds)
