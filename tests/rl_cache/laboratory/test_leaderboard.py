"""The leaderboard: fixed traces, LRU and Belady as its ends, and policies of other packages among the others."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest

pytest.importorskip("numba")

from rl_cache import extensions
from rl_cache.laboratory.leaderboard import fixed_traces, leaderboard
from rl_cache.policies.eviction.sieve import Sieve


class OfAnotherPackage(Sieve):
    name = "of-another-package"


def test_another_package_enters_beside_the_known_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("of-another-package", f"{__name__}:OfAnotherPackage", "nightshift.cache_policies")
    extensions.extensions.cache_clear()
    monkeypatch.setattr(extensions, "entry_points", lambda group: [point] if group == point.group else [])
    trace = fixed_traces()[0]
    by_name = {entry.policy: entry for entry in leaderboard([trace])}
    extensions.extensions.cache_clear()
    assert (by_name["lru"].way, by_name["lru"].write_ratio) == (0.0, 1.0)
    assert by_name["belady"].way == 1.0
    assert by_name["of-another-package"].way == by_name["sieve"].way
    assert {entry.policy for entry in by_name.values() if entry.clairvoyant} == {"belady", "belady-size"}


def test_the_traces_never_change() -> None:
    first, second = fixed_traces(), fixed_traces()
    assert all(np.array_equal(a.file, b.file) for a, b in zip(first, second, strict=True))
    assert [len(trace) for trace in first] == [12258, 15538, 15755]
