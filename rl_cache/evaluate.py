"""Compare an agent with other policies on traces it has never seen, all with the same warm-up and capacity.

The byte miss ratio is compared with what was written beside it, since a cache that writes more may miss less.
Intervals are bootstrapped over seeds: the cases of one seed (workloads, cache sizes) are drawn together, since they
share their generator's state of the world and are not independent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from rl_cache.account import Account
from rl_cache.agent import Agent
from rl_cache.drive import drive
from rl_cache.policies.registry import POLICIES
from rl_cache.simulator import simulate
from rl_cache.traces.trace import Trace

AGENT = "agent"
SHADOW = "s3fifo"
BOUND = "belady"
_DRAWS = 2000

Floats = NDArray[np.float64]
Figure = Callable[[Floats], float]


@dataclass(frozen=True, slots=True)
class Score:
    """What one policy made of one case."""

    byte_miss_ratio: float
    written_bytes: int

    @classmethod
    def of(cls, account: Account) -> "Score":
        """From its account."""
        return cls(account.byte_miss_ratio, int(account.written_bytes.sum()))


@dataclass(frozen=True, slots=True)
class Case:
    """One trace with one size of cache, and every policy's score on it."""

    seed: int
    workload: str
    cache_share: float
    scores: Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95% interval over ``n`` seeds."""

    value: float
    low: float
    high: float
    n: int


def measure(
    trace: Trace, agent: Agent, capacity_bytes: int, policies: Sequence[str], *, warm_up_days: int, seed: int = 0
) -> dict[str, Score]:
    """Replay the trace with the agent and with each of the policies (names of the registry)."""
    warm_up = int(trace.day_starts[warm_up_days])
    found = {AGENT: Score.of(drive(trace, agent, capacity_bytes, warm_up_days=warm_up_days, seed=seed))}
    for name in policies:
        found[name] = Score.of(simulate(trace, POLICIES[name](), capacity_bytes, warm_up=warm_up))
    return found


def gain(cases: Sequence[Case], rng: Generator, over: str = SHADOW) -> Estimate:
    """Mean difference of the byte miss ratio between ``over`` and the agent; positive is better."""
    table = _by_seed(cases, (over, AGENT))
    return _estimate(table, lambda means: means[0] - means[1], rng)


def way_to_belady(cases: Sequence[Case], rng: Generator) -> Estimate:
    """Share of the way from S3-FIFO's mean byte miss ratio to Belady's that the agent goes."""
    table = _by_seed(cases, (SHADOW, AGENT, BOUND))
    return _estimate(table, lambda means: (means[0] - means[1]) / (means[0] - means[2]), rng)


def mean_ratio(cases: Sequence[Case], policy: str, rng: Generator) -> Estimate:
    """Mean byte miss ratio of a policy."""
    return _estimate(_by_seed(cases, (policy,)), lambda means: means[0], rng)


def written(cases: Sequence[Case], over: str = SHADOW) -> Floats:
    """Bytes that the agent wrote over those of ``over``, case by case."""
    return np.array([case.scores[AGENT].written_bytes / max(1, case.scores[over].written_bytes) for case in cases])


def _by_seed(cases: Sequence[Case], policies: Sequence[str]) -> Floats:
    """Mean byte miss ratios; shape (seeds, policies)."""
    seeds = sorted({case.seed for case in cases})
    return np.array(
        [
            [np.mean([case.scores[name].byte_miss_ratio for case in cases if case.seed == seed]) for name in policies]
            for seed in seeds
        ]
    )


def _estimate(table: Floats, figure: Figure, rng: Generator) -> Estimate:
    n = len(table)
    draws = [figure(table[rng.integers(0, n, n)].mean(axis=0)) for _ in range(_DRAWS)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(float(figure(table.mean(axis=0))), float(low), float(high), n)
