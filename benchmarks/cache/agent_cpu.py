"""CPU time of the agent and of the guarded agent over LRU's, in turns on the same generated trace, cache of 10%.

The network has the size of a trained one and random weights, and its answer has no weight: recency and frequency
decide, so that about as much is missed, and so scored, as by a trained agent.
"""

import time
from dataclasses import replace

import numpy as np

from benchmarks.report import Result
from rl_cache.kernels.history import FEATURES
from rl_cache.kernels.network import Network
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.eviction.lru import Lru
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import HEURISTIC, ScoredS3Fifo
from rl_cache.policies.protocols import Policy
from rl_cache.traces.generate import hep
from rl_cache.traces.workload import WORKLOADS

UNITS = 96
"""Of the hidden layer: two networks of 48, as rl_cache.agents.reuse trains and averages them."""


def run(quick: bool) -> dict[str, Result]:
    """Median ratio of the rounds, and their range; compiling is not counted."""
    scale, rounds = (0.01, 2) if quick else (0.2, 7)
    rng = np.random.default_rng(4001)
    trace = hep(replace(WORKLOADS["mixed"], scale=scale), rng)
    n = len(FEATURES)
    network = Network(rng.normal(size=(UNITS, n)), rng.normal(size=UNITS), rng.normal(size=UNITS), rng.normal(size=1))
    agent = ScoredS3Fifo(replace(HEURISTIC.knobs, reuse=0.0), network)
    policies: dict[str, Policy] = {"lru": Lru(), "s3fifo": S3Fifo(), "agent": agent, "guarded": agent.guarded()}
    used: dict[str, list[float]] = {name: [] for name in policies}
    for turn in range(rounds + 1):
        for name, policy in policies.items():
            began = time.process_time()
            simulate(trace, policy, trace.footprint_bytes // 10)
            if turn:  # the first compiles
                used[name].append(time.process_time() - began)
    results = {}
    for name in ("s3fifo", "agent", "guarded"):
        ratios = np.array(used[name]) / np.array(used["lru"])
        low, high = np.percentile(ratios, (2.5, 97.5))
        each = 1e6 * float(np.median(used[name])) / len(trace)
        note = f"{each:.2f} µs a request; median and range of rounds; {len(trace):,} requests"
        results[f"{name}_cpu_over_lru"] = Result(
            float(np.median(ratios)), "ratio", float(low), float(high), rounds, note=note
        )
    return results
