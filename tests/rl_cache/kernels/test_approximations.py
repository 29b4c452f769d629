"""Approximations are as near as they say, over the whole range that features need, in compiled code and in Python."""

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("numba")

from rl_cache.arrays import Float64
from rl_cache.kernels.approximations import exp, log
from rl_cache.kernels.jit import entry


@entry
def _compiled(values: Float64, logarithms: Float64, exponentials: Float64) -> None:
    for k in range(len(values)):
        logarithms[k], exponentials[k] = log(values[k]), exp(np.log(values[k]))


def _interpreted(values: Float64, logarithms: Float64, exponentials: Float64) -> None:
    for k in range(len(values)):
        logarithms[k], exponentials[k] = log(values[k]), exp(np.log(values[k]))


@pytest.mark.parametrize("evaluate", [_compiled, _interpreted])
def test_they_are_near(evaluate: Callable[[Float64, Float64, Float64], None]) -> None:
    values = np.append(np.exp(np.random.default_rng(0).uniform(-690, 690, 2000)), [1e-300, 0.5, 1.0, 2.0, 1e300])
    logarithms, exponentials = np.zeros_like(values), np.zeros_like(values)
    evaluate(values, logarithms, exponentials)
    assert logarithms == pytest.approx(np.log(values), abs=2e-5)
    assert exponentials == pytest.approx(values, rel=5e-6)


def test_what_is_long_past_has_no_weight() -> None:
    assert exp(-1e9) < 1e-300
