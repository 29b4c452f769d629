"""What ``render()`` returns: a line of text, or a picture of two shares over the newest steps, in NumPy alone."""

from collections.abc import Sequence

import numpy as np

from rl_cache.arrays import UInt8
from rl_cache.errors import SimulationError

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
