"""How likely a run is run again: bounds, and what is learned of users and pauses."""

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import given
from hypothesis import strategies as st

from rl_cache.kernels.reruns import (
    RerunHistory,
    empty_reruns,
    expect_rerun,
    record_rerun,
    record_run,
    rerun_probability,
)

DAY_S = 86_400.0


def learned(reruns: int, pause_s: float) -> RerunHistory:
    """User 0 began forty runs, of which so many were run again after ``pause_s``; user 1 began forty, and none was."""
    history = empty_reruns(2)
    for k in range(40):
        record_run(history, 0)
        record_run(history, 1)
        if k < reruns:
            record_rerun(history, 0, pause_s)
    return history


@given(st.integers(0, 40), st.floats(0.0, 100 * DAY_S), st.floats(0.0, 400 * DAY_S), st.floats(1.0, 100 * DAY_S))
def test_probabilities_are_probabilities_and_fall_with_age(reruns, pause_s, age_s, horizon_s) -> None:
    history = learned(reruns, pause_s)
    ever, soon = expect_rerun(history, 0, age_s, horizon_s)
    assert 0.0 <= soon <= ever <= rerun_probability(history, 0) + 1e-9 <= 1.0
    assert expect_rerun(history, 0, age_s + horizon_s, horizon_s)[0] <= ever + 1e-9


def test_it_is_learned_who_runs_again_and_when() -> None:
    history = learned(20, 3 * DAY_S)
    assert rerun_probability(history, 0) == pytest.approx(0.5, abs=0.05)
    assert rerun_probability(history, 1) < 0.1
    assert expect_rerun(history, 0, 0.0, 3 * DAY_S)[1] == pytest.approx(0.25, abs=0.05), (
        "half of them by the usual pause"
    )


def test_of_a_user_who_was_never_seen_what_all_do_is_expected() -> None:
    history = empty_reruns(3)
    for _ in range(100):
        record_run(history, 0)
        record_rerun(history, 0, DAY_S)
    assert rerun_probability(history, 2) == pytest.approx(1.0, abs=0.05)
    assert np.isfinite(expect_rerun(history, 2, 0.0, 1.0)).all()
