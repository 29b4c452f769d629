"""What was tried beside the agent: its network without some features.

On the same held-out seeds and workloads as the agent, with the cache of a tenth of the files.
"""

import numpy as np

from benchmarks.cache.agent import FULL, HELD_OUT_SEED, QUICK, Plan, PrintProgress, trace, training_traces
from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Result, progress
from rl_cache.agents.reuse import NETWORK_ONLY, train_reuse
from rl_cache.kernels.history import OF_DATASETS, OF_RUNS
from rl_cache.laboratory.account import Account
from rl_cache.laboratory.simulator import parallel_map, simulate
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import ScoredS3Fifo
from rl_cache.policies.protocols import Policy
from rl_cache.policies.reference.belady import Belady
from rl_cache.traces.workload import WORKLOADS

CACHE_SHARE = 0.1
ABLATED = {"dataset": OF_DATASETS, "task": OF_RUNS}
Rows = dict[str, list[Account]]


def run(quick: bool) -> dict[str, Result]:
    """Train the networks, then replay."""
    plan = QUICK if quick else FULL
    policies: dict[str, Policy] = {
        "s3fifo": S3Fifo(),
        "belady": Belady(),
        "all": _network(plan, ()),
        **{name: _network(plan, features) for name, features in ABLATED.items()},
    }
    by_seed = parallel_map(
        lambda seed: _replayed(plan, seed, policies), range(HELD_OUT_SEED, HELD_OUT_SEED + plan.seeds)
    )
    return _ablation(by_seed)


def _network(plan: Plan, without: tuple[int, ...]) -> ScoredS3Fifo:
    """The network alone decides, without what later stages of training add."""
    budget = plan.budget
    network = train_reuse(
        training_traces(plan),
        plan.cache_shares,
        np.random.default_rng(0),
        progress=PrintProgress(),
        rounds=budget.rounds,
        samples=budget.samples,
        without=without,
    )
    return ScoredS3Fifo(NETWORK_ONLY, network)


def _replayed(plan: Plan, seed: int, policies: dict[str, Policy]) -> Rows:
    """By policy the accounts of all workloads of one seed."""
    progress(f"what was tried, seed {seed}")
    rows: Rows = {name: [] for name in policies}
    for workload in WORKLOADS:
        requests = trace(workload, seed, plan, plan.scale)
        warm_up, capacity = int(requests.day_starts[plan.warm_up_days]), int(CACHE_SHARE * requests.footprint_bytes)
        for name, policy in policies.items():
            rows[name].append(simulate(requests, policy, capacity, warm_up=warm_up))
    return rows


def _ablation(by_seed: list[Rows]) -> dict[str, Result]:
    ways = {name: [_way(rows, name) for rows in by_seed] for name in ("all", *ABLATED)}
    note = "the network decides alone; of the way from S3-FIFO's byte miss ratio to Belady's"
    results = {"ablation_way_all_features": _result(ways["all"], "ratio", note)}
    for name in ABLATED:
        worth = [_bytes(rows[name]) - _bytes(rows["all"]) for rows in by_seed]
        results[f"ablation_way_without_{name}_features"] = _result(ways[name], "ratio", note)
        results[f"ablation_worth_of_{name}_features"] = _result(
            worth, "of bytes read", "difference of the byte miss ratios"
        )
    return results


def _way(rows: Rows, name: str) -> float:
    start, end = _bytes(rows["s3fifo"]), _bytes(rows["belady"])
    return (start - _bytes(rows[name])) / (start - end)


def _bytes(accounts: list[Account]) -> float:
    return float(np.mean([account.byte_miss_ratio for account in accounts]))


def _result(values: list[float], unit: str, note: str) -> Result:
    low, high = bootstrap_mean(values, np.random.default_rng(0))
    return Result(float(np.mean(values)), unit, low, high, len(values), note=note)
