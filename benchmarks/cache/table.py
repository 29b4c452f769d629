"""The published table's columns (Tracolli et al., LOD 2020) for baselines and our agent, on generated HEP workloads.

100 TiB and 10 Gbit/s as published; the original trace is not public, so only the ordering can be compared. Random
admission stores fixed shares of the missed files, and the shares of the missed bytes that SCDL and DQN store.
"""

from dataclasses import fields, replace

import numpy as np

from benchmarks.cache.agent import FULL, QUICK, TRAINING_SEEDS, Plan, PrintProgress, trace, trained_under
from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Result, progress
from rl_cache.agents.dqn import train_dqn
from rl_cache.agents.evaluate import AGENT
from rl_cache.env.file_admission import FileAdmission
from rl_cache.laboratory.account import Account, Percentage, PublishedMetrics, published_metrics
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.admission.learned_admission import LearnedAdmission
from rl_cache.policies.admission.random_admission import RandomAdmission
from rl_cache.policies.protocols import Policy
from rl_cache.policies.registry import make_policy
from rl_cache.traces.generate import hep
from rl_cache.traces.trace import Trace
from rl_cache.traces.workload import WORKLOADS

CAPACITY_BYTES = 100 * 2**40
BANDWIDTH_BYTES = 108 * 10**12
"""10 Gbit/s for a day."""
WARM_UP_DAYS = 14
BASELINES = ("scdl", "lfu", "lfu-all-time", "size-big", "lru", "size-small", "s3fifo", "gdsf")
ADMITTED = (0.1, 0.25, 0.5)
"""Fractions of the missed files that random admission stores."""
AS = {"random-as-scdl": "scdl", "random-as-dqn": "dqn"}
"""Coins that let through the share of the missed bytes that another policy stores on the same trace."""
DQN_STEPS = 40_000


def run(quick: bool) -> dict[str, Result]:
    """One result for each policy and metric: the mean over seeds of the published mean of days."""
    policies: dict[str, Policy] = {name: make_policy(name) for name in BASELINES}
    policies |= {f"random-{share:g}": RandomAdmission(share) for share in ADMITTED}
    seeds, scale = (2, 0.01) if quick else (5, 1.0)
    plan = QUICK if quick else FULL
    policies["dqn"] = _dqn(plan, 500 if quick else DQN_STEPS)
    agent = trained_under(plan).agent
    metrics_by_policy: dict[str, list[PublishedMetrics]] = {name: [] for name in (*policies, *AS, AGENT)}
    for seed in range(seeds):
        progress(f"table, seed {seed} …")
        requests = hep(replace(WORKLOADS["mixed"], scale=scale), np.random.default_rng(seed))
        at_random = {
            name: RandomAdmission(admitted(replayed(requests, policies[policy_name], scale)))
            for name, policy_name in AS.items()
        }
        for name, policy in (policies | at_random | {AGENT: agent.cache_policy(seed)}).items():
            metrics_by_policy[name].append(measured(requests, policy, scale))
    return {key: result for name, rows in metrics_by_policy.items() for key, result in _results(name, rows).items()}


def replayed(trace: Trace, policy: Policy, scale: float) -> Account:
    """One policy on one trace; cache and link shrink with the trace."""
    link = int(BANDWIDTH_BYTES * scale)
    return simulate(trace, policy, int(CAPACITY_BYTES * scale), warm_up=_warm_up(trace), daily_bandwidth=link)


def _dqn(plan: Plan, steps: int) -> LearnedAdmission:
    """The published environment's agent with a network, trained on a seed that nothing is measured on."""
    env = FileAdmission([trace("mixed", TRAINING_SEEDS[0], plan, plan.scale)], cache_share=0.1)
    return train_dqn(env, steps, 0, progress=PrintProgress())


def admitted(account: Account) -> float:
    """The share of the missed bytes that was stored, at least a millionth."""
    return max(1e-6, float(account.written_bytes.sum() / account.miss_bytes.sum()))


def measured(trace: Trace, policy: Policy, scale: float) -> PublishedMetrics:
    """The published metrics of one policy on one trace."""
    return published_metrics(replayed(trace, policy, scale), trace, _warm_up(trace), int(BANDWIDTH_BYTES * scale))


def _warm_up(trace: Trace) -> int:
    return trace.row_at(trace.time_s[0] + WARM_UP_DAYS * 86_400)


def _results(name: str, rows: list[PublishedMetrics]) -> dict[str, Result]:
    return {
        f"table_{name.replace('-', '_')}_{field.name}": _result([getattr(metrics, field.name) for metrics in rows])
        for field in fields(PublishedMetrics)
    }


def _result(columns: list[Percentage]) -> Result:
    values = [metric.mean_of_days for metric in columns]
    low, high = bootstrap_mean(values, np.random.default_rng(0))
    sums = float(np.mean([metric.ratio_of_sums for metric in columns]))
    return Result(float(np.mean(values)), "%", low, high, len(values), note=f"ratio of sums {sums:.2f}%")
