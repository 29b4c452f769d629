"""A leaderboard of policies over fixed traces: other packages enter by the entry point ``nightshift.cache_policies``.

The traces are those of the three workloads at a fiftieth of the size, of seeds that never change; each is replayed with
caches of 5, 10 and 20% of its files, after a week that warms them up. A score is how far a policy goes from LRU's byte
miss ratio (0) to Belady's (1), the mean of all cells; bytes written stand beside it, since it can be bought by writing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rl_cache.extensions import extensions
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.protocols import Policy
from rl_cache.policies.registry import CLAIRVOYANT, POLICIES, make_policy
from rl_cache.traces.generate import hep
from rl_cache.traces.trace import Trace
from rl_cache.traces.workload import WORKLOADS

SEED, SCALE, DAYS, WARM_UP_DAYS = 5001, 0.02, 28, 7
SHARES = (0.05, 0.1, 0.2)
_FLOOR, _CEILING = "lru", "belady"


@dataclass(frozen=True, slots=True)
class LeaderboardEntry:
    """A policy over all cells.

    Attributes:
        policy: its name.
        way: of the way from LRU to Belady in byte miss ratio, mean of cells; worst is that of its worst cell.
        worst: of the cells.
        write_ratio: bytes written over LRU's, all cells together.
        clairvoyant: whether it knows the future, and so does not compete.
    """

    policy: str
    way: float
    worst: float
    write_ratio: float
    clairvoyant: bool


def fixed_traces() -> list[Trace]:
    """The traces of the leaderboard, the same everywhere."""
    return [
        hep(replace(workload, scale=SCALE, days=DAYS), np.random.default_rng([SEED, number]))
        for number, workload in enumerate(WORKLOADS.values())
    ]


def leaderboard(
    traces: Sequence[Trace], progress: Callable[[str, float], None] = lambda _step, _share: None
) -> list[LeaderboardEntry]:
    """All known policies, the best first; ``progress`` is called with the next policy and the share done."""
    names = [*POLICIES, *extensions("nightshift.cache_policies")]
    byte_miss_ratio, written_bytes = np.zeros((len(names), len(traces) * len(SHARES))), np.zeros(len(names))
    for number, name in enumerate(names):
        progress(name, number / len(names))
        policy = make_policy(name)
        for cell, (trace, share) in enumerate((trace, share) for trace in traces for share in SHARES):
            byte_miss_ratio[number, cell], stored = _replay(trace, policy, share)
            written_bytes[number] += stored
    floor, ceiling = names.index(_FLOOR), names.index(_CEILING)
    way = (byte_miss_ratio[floor] - byte_miss_ratio) / (byte_miss_ratio[floor] - byte_miss_ratio[ceiling])
    entries = [
        LeaderboardEntry(
            name,
            float(way[k].mean()),
            float(way[k].min()),
            float(written_bytes[k] / written_bytes[floor]),
            name in CLAIRVOYANT,
        )
        for k, name in enumerate(names)
    ]
    return sorted(entries, key=lambda entry: -entry.way)


def _replay(trace: Trace, policy: Policy, share: float) -> tuple[float, int]:
    """Byte miss ratio and bytes written after the warm-up."""
    warm_up = trace.row_at(trace.time_s[0] + WARM_UP_DAYS * 86_400)
    account = simulate(trace, policy, int(share * trace.footprint_bytes), warm_up=warm_up)
    return account.byte_miss_ratio, int(account.written_bytes.sum())


def compile_all(progress: Callable[[str, float], None]) -> int:
    """Compile every policy on a trace of a few requests, so that nobody waits at its first use; how many there are.

    ``progress`` is called with the next policy and the share done.
    """
    names = [*POLICIES, *extensions("nightshift.cache_policies")]
    trace = Trace(np.arange(4), np.array([0, 1, 0, 1]), np.array([1, 2]))
    for number, name in enumerate(names):
        progress(name, number / len(names))
        simulate(trace, make_policy(name), 2)
    return len(names)
