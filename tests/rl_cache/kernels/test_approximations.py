"""Approximations are as near as they say, over the whole range that features need."""

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import given
from hypothesis import strategies as st

from rl_cache.kernels.approximations import exp, log


@given(st.floats(1e-300, 1e300))
def test_logarithms(value: float) -> None:
    assert log(value) == pytest.approx(np.log(value), abs=2e-5)


@given(st.floats(-700, 700))
def test_exponentials(value: float) -> None:
    assert exp(value) == pytest.approx(np.exp(value), rel=5e-6)


def test_what_is_long_past_has_no_weight() -> None:
    assert exp(-1e9) < 1e-300
