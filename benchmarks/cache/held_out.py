"""Estimates over held-out cases: gains of the agent over other policies, all with the same warm-up and capacity.

The byte miss ratio is compared together with the bytes written, since a cache that writes more may miss less.
Intervals are bootstrapped over seeds: the cases of one seed (workloads, cache sizes) are drawn together, since they
share their generator's state of the world and are not independent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from rl_cache.agents.evaluate import AGENT, BASELINE, REFERENCE, ReplayScore
from rl_cache.arrays import Float64

_DRAWS = 2000

Statistic = Callable[[Float64], float]


@dataclass(frozen=True, slots=True)
class Case:
    """One trace with one size of cache, and every policy's score on it."""

    seed: int
    workload: str
    cache_share: float
    scores: Mapping[str, ReplayScore]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95% interval over ``n`` seeds."""

    value: float
    low: float
    high: float
    n: int


def mean_gain(cases: Sequence[Case], rng: Generator, baseline: str = BASELINE) -> Estimate:
    """Mean difference of the byte miss ratio between ``baseline`` and the agent; positive is better."""
    table = _by_seed(cases, (baseline, AGENT))
    return _estimate(table, lambda means: means[0] - means[1], rng)


def mean_way_to_belady(cases: Sequence[Case], rng: Generator, policy: str = AGENT) -> Estimate:
    """Share of the way from S3-FIFO's mean byte miss ratio to Belady's that the agent, or another policy, goes."""
    table = _by_seed(cases, (BASELINE, policy, REFERENCE))
    return _estimate(table, lambda means: (means[0] - means[1]) / (means[0] - means[2]), rng)


def mean_ratio(cases: Sequence[Case], policy: str, rng: Generator) -> Estimate:
    """Mean byte miss ratio of a policy."""
    return _estimate(_by_seed(cases, (policy,)), lambda means: means[0], rng)


def write_ratio(cases: Sequence[Case], baseline: str = BASELINE) -> Float64:
    """Bytes that the agent wrote over those of ``baseline``, case by case."""
    return np.array([case.scores[AGENT].written_bytes / max(1, case.scores[baseline].written_bytes) for case in cases])


def _by_seed(cases: Sequence[Case], policies: Sequence[str]) -> Float64:
    """Mean byte miss ratios; shape (seeds, policies)."""
    seeds = sorted({case.seed for case in cases})
    return np.array(
        [
            [np.mean([case.scores[name].byte_miss_ratio for case in cases if case.seed == seed]) for name in policies]
            for seed in seeds
        ]
    )


def _estimate(table: Float64, statistic: Statistic, rng: Generator) -> Estimate:
    n = len(table)
    draws = [statistic(table[rng.integers(0, n, n)].mean(axis=0)) for _ in range(_DRAWS)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(float(statistic(table.mean(axis=0))), float(low), float(high), n)
