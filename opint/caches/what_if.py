"""What a cache would miss at other sizes and under other policies, computed once for the page."""

from collections.abc import Callable

from opint.store.caches import CurvePoint
from rl_cache.laboratory.agent import Agent
from rl_cache.laboratory.what_if import SimulationSettings, compare
from rl_cache.policies.registry import make_policy
from rl_cache.traces.trace import Trace

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Sizes, over the present one."""
POLICIES = ("lru", "s3fifo", "gdsf", "belady")
AGENT = "agent"
_WARM_UP = 0.25
"""Share of the requests that fill the caches uncounted."""


def curve_points(
    trace: Trace, agent: Agent, capacity_bytes: int, now_s: float, progress: Callable[[str, float], None]
) -> list[CurvePoint]:
    """The agent and other policies at sizes around the present one; ``progress`` as of :func:`compare`."""
    steered = agent.cache_policy()
    policies = [*(make_policy(name) for name in POLICIES), steered]
    sizes = sorted({max(1, int(factor * capacity_bytes)) for factor in FACTORS})
    settings = SimulationSettings(warm_up=int(_WARM_UP * len(trace)))
    return [
        CurvePoint(
            AGENT if point.policy == steered.name else point.policy,
            point.capacity_bytes,
            point.account.byte_miss_ratio,
            point.account.request_miss_ratio,
            point.written_per_read,
            now_s,
        )
        for point in compare(trace, policies, sizes, settings, progress)
    ]
