"""What-if comparison: one trace under several policies and cache sizes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rl_cache.laboratory.account import Account
from rl_cache.laboratory.simulator import Watermarks, simulate
from rl_cache.policies.protocols import Policy
from rl_cache.traces.trace import Trace


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """What all simulations of a comparison share; as in :func:`rl_cache.laboratory.simulator.simulate`."""

    warm_up: int = 0
    watermarks: Watermarks | None = None
    daily_bandwidth: int | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One policy at one cache size."""

    policy: str
    capacity_bytes: int
    account: Account

    @property
    def written_per_read(self) -> float:
        """Bytes written, of all bytes that were not redirected."""
        read = int(self.account.hit_bytes.sum()) + int(self.account.miss_bytes.sum())
        return int(self.account.written_bytes.sum()) / read if read else float("nan")


def compare(
    trace: Trace,
    policies: Sequence[Policy],
    capacities_bytes: Sequence[int],
    conditions: SimulationSettings = SimulationSettings(),
    progress: Callable[[str, float], None] = lambda _step, _share: None,
) -> list[Point]:
    """Simulate every policy at every size; ``progress`` is called with the next policy and the share done."""
    points: list[Point] = []
    total = len(policies) * len(capacities_bytes)
    for capacity in capacities_bytes:
        for policy in policies:
            progress(policy.name, len(points) / total)
            account = simulate(
                trace,
                policy,
                capacity,
                warm_up=conditions.warm_up,
                watermarks=conditions.watermarks,
                daily_bandwidth=conditions.daily_bandwidth,
            )
            points.append(Point(policy.name, capacity, account))
    return points


def way_to_belady(points: Sequence[Point], point: Point, base: str = "lru") -> float:
    """How far ``point`` goes from ``base`` (0) to Belady (1) in byte miss ratio at its size.

    NaN if either was not simulated at this size, or if there is nothing to gain.
    """
    ratio = {
        peer.policy: peer.account.byte_miss_ratio for peer in points if peer.capacity_bytes == point.capacity_bytes
    }
    start, end = ratio.get(base, float("nan")), ratio.get("belady", float("nan"))
    return (start - point.account.byte_miss_ratio) / (start - end) if start != end else float("nan")
