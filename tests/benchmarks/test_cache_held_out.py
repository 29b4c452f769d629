"""Estimates over held-out cases: seeds are drawn whole, and what all policies share does not widen an interval."""

import numpy as np
import pytest

pytest.importorskip("gymnasium")

from benchmarks.cache.held_out import Case, mean_gain, mean_way_to_belady, write_ratio
from rl_cache.agents.evaluate import ReplayScore


def cases(agent_ratio: float) -> list[Case]:
    rng = np.random.default_rng(0)
    result = []
    for seed in range(10):
        hard = 0.1 * rng.random()
        scores = {
            "s3fifo": ReplayScore(0.6 + hard, 1000),
            "belady": ReplayScore(0.4 + hard, 500),
            "agent": ReplayScore(agent_ratio + hard, 900),
        }
        result.append(Case(seed, "mixed", 0.1, scores))
    return result


def test_pairs_remove_what_is_common_to_all_policies() -> None:
    """Seeds differ by up to 0.1, and yet a constant gain has an interval of no width."""
    estimate = mean_gain(cases(0.55), np.random.default_rng(0))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.05, 0.05, 0.05))
    assert mean_way_to_belady(cases(0.55), np.random.default_rng(0)).value == pytest.approx(0.25)
    assert mean_gain(cases(0.65), np.random.default_rng(0)).high < 0
    assert write_ratio(cases(0.55)).tolist() == [0.9] * 10
