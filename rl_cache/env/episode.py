"""What all environments share: an episode is one trace, and a step is possible only within it."""

from collections.abc import Sequence
from dataclasses import replace

import gymnasium
from gymnasium import spaces
from numpy.random import Generator

from rl_cache.errors import SimulationError
from rl_cache.traces.generate import hep
from rl_cache.traces.trace import Trace
from rl_cache.traces.workload import WORKLOADS


def choose_trace(traces: Sequence[Trace], rng: Generator, number: int | None = None) -> Trace:
    """The trace of this number, else a random one; without traces, a small HEP-like one is generated.

    Raises:
        SimulationError: there is no trace of this number.
    """
    if not traces:
        return hep(replace(WORKLOADS["mixed"], days=7, scale=0.02), rng)
    if number is None:
        return traces[int(rng.integers(len(traces)))]
    if number not in range(len(traces)):
        raise SimulationError(f'options["trace"] is {number!r}; there are {len(traces)} traces, from 0 on')
    return traces[number]


def check_step(ended: bool, space: spaces.Space[object], action: object) -> None:
    """Raise ResetNeeded where no episode runs, InvalidAction where the action is none of the space."""
    if ended:
        raise gymnasium.error.ResetNeeded("the episode is over, or none has begun: call reset() before step()")
    if not space.contains(action):
        raise gymnasium.error.InvalidAction(f"action is {action!r}; expected one of {space}")
