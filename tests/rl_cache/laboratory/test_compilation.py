"""Compiling beforehand: every known policy is named once and replayed."""

import pytest

pytest.importorskip("numba")

from rl_cache.laboratory.leaderboard import compile_all
from rl_cache.policies.registry import POLICIES


def test_every_policy_is_compiled_and_named() -> None:
    steps: list[tuple[str, float]] = []
    assert compile_all(lambda name, share: steps.append((name, share))) == len(POLICIES)
    assert [name for name, _ in steps] == list(POLICIES)
    assert [share for _, share in steps] == sorted(share for _, share in steps)
