"""Compile all policies beforehand, so that nobody waits at their first use."""

from collections.abc import Callable

import numpy as np

from rl_cache.extensions import extensions
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.registry import POLICIES, make_policy
from rl_cache.traces.trace import Trace


def compile_all(progress: Callable[[str, float], None]) -> int:
    """Replay a trace of a few requests under every policy; how many there are.

    ``progress`` is called with the next policy and the share done.
    """
    names = [*POLICIES, *extensions("nightshift.cache_policies")]
    trace = Trace(np.arange(4), np.array([0, 1, 0, 1]), np.array([1, 2]))
    for number, name in enumerate(names):
        progress(name, number / len(names))
        simulate(trace, make_policy(name), 2)
    return len(names)
