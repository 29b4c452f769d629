"""What all environments share: an episode is one trace, a step is possible only within it, and how it is rendered."""

from collections.abc import Sequence
from dataclasses import replace

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.random import Generator

from rl_cache.arrays import UInt8
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


RENDER_MODES = ("ansi", "rgb_array")
HEIGHT, WIDTH, STEPS = 120, 240, 60
"""Pixels of a picture, and how many of the newest steps it shows."""
_PAPER, _OWN, _OTHER = (255, 255, 255), (0, 114, 178), (230, 159, 0)


def check_render_mode(render_mode: str | None) -> str | None:
    """The mode itself; SimulationError where there is no such one."""
    if render_mode is not None and render_mode not in RENDER_MODES:
        raise SimulationError(f"render_mode is {render_mode!r}; choose from {', '.join(RENDER_MODES)}")
    return render_mode


def picture(own: Sequence[float], other: Sequence[float]) -> UInt8:
    """uint8[HEIGHT, WIDTH, 3]: bars of ``own`` (0 to 1, blue), marks of ``other`` (orange), the newest at the right."""
    image = np.full((HEIGHT, WIDTH, 3), _PAPER, np.uint8)
    step = WIDTH // STEPS
    for place, (first, second) in enumerate(zip(own[-STEPS:], other[-STEPS:], strict=True)):
        columns = slice(place * step, (place + 1) * step - 1)
        image[_row(first) :, columns] = _OWN
        image[_row(second) : _row(second) + 2, columns] = _OTHER
    return image


def _row(share: float) -> int:
    return round((1.0 - min(max(share, 0.0), 1.0)) * (HEIGHT - 2))
