"""The agent: trained on some seeds of the generator, measured on others, beside S3-FIFO, GDSF, W-TinyLFU and Belady.

The real trace (cloudphysics) is cut by time: an agent is trained on its first half and measured on the second.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from benchmarks.cache import held_out
from benchmarks.cache.adverse import ADVERSE
from benchmarks.cache.held_out import Case, Estimate
from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Result, data_folder, progress
from rl_cache.agents.evaluate import AGENT, BASELINE, REFERENCE, ReplayScore, compare_agent, run_agent
from rl_cache.agents.train import TrainingBudget, TrainingResult, train_agent
from rl_cache.env.hep_cache import HepCache
from rl_cache.laboratory.agent import Agent
from rl_cache.laboratory.simulator import parallel_map, simulate
from rl_cache.policies.registry import POLICIES
from rl_cache.traces.assemble import Sizes
from rl_cache.traces.generate import hep
from rl_cache.traces.read import read
from rl_cache.traces.trace import Trace
from rl_cache.traces.workload import WORKLOADS

PEERS = tuple(name for name in (BASELINE, "gdsf", "w-tinylfu", "lrb", REFERENCE) if name in POLICIES)
TRAINING_SEEDS = (1000, 1001, 1002, 1003)
TUNING_SEED, VALIDATION_SEED = 2000, 3000
HELD_OUT_SEED = 10_001
"""The first one; earlier measurements have looked at 0 to 9, 4001 to 4003, 6004 to 6006 and 7001 to 8003."""
POORER: dict[str, Callable[[Trace], Trace]] = {
    "without_tasks": lambda requests: replace(requests, task=None),
    "without_tasks_and_users": lambda requests: replace(requests, task=None, user=None),
}
"""What records of other caches lack; the same agent serves them."""
WARM_UP_DAYS = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done; the figures of the quick plan mean nothing."""

    seeds: int
    scale: float
    tuning_scale: float
    days: int
    warm_up_days: int
    cache_shares: tuple[float, ...]
    budget: TrainingBudget
    adverse_requests: int


FULL = Plan(3, 0.05, 0.05, 42, WARM_UP_DAYS, (0.05, 0.1, 0.2), TrainingBudget(12_000, 2, 2, 6, 2048), 60_000)
QUICK = Plan(2, 0.01, 0.01, 8, 2, (0.1,), TrainingBudget(300, 1, 1, 2, 256), 3000)


def run(quick: bool) -> dict[str, Result]:
    """Train, then measure on held-out traces."""
    plan = QUICK if quick else FULL
    began, used = time.perf_counter(), time.process_time()
    trained = trained_under(plan)
    training = Result(
        time.perf_counter() - began,
        "s",
        note=f"{time.process_time() - used:.0f} s of CPU; generation included",
    )
    cases = _held_out(plan, trained.agent)
    results = {"training_s": training, "env_steps_per_s": _env_speed(plan)}
    results |= _stages(trained) | _reinforcement(plan, trained) | _gains(cases) | _by_case(cases)
    return results | _adverse(plan, trained.agent) | _real(quick)


def trace(name: str, seed: int, plan: Plan, scale: float) -> Trace:
    """One generated trace."""
    return hep(replace(WORKLOADS[name], scale=scale, days=plan.days), np.random.default_rng(seed))


@cache
def trained_under(plan: Plan) -> TrainingResult:
    """An agent trained on generated traces of seeds that nothing is measured on; once for all parts."""
    return train_agent(
        training_traces(plan),
        [trace(name, TUNING_SEED, plan, plan.tuning_scale) for name in WORKLOADS],
        [trace(name, VALIDATION_SEED, plan, plan.tuning_scale) for name in WORKLOADS],
        np.random.default_rng(0),
        cache_shares=plan.cache_shares,
        budget=plan.budget,
        progress=PrintProgress(),
    )


def training_traces(plan: Plan) -> list[Trace]:
    """What networks are trained on."""
    return [trace(name, seed, plan, plan.scale) for seed in TRAINING_SEEDS for name in WORKLOADS]


def _held_out(plan: Plan, agent: Agent) -> list[Case]:
    by_seed = parallel_map(lambda seed: _of_seed(plan, agent, seed), range(HELD_OUT_SEED, HELD_OUT_SEED + plan.seeds))
    return [case for cases in by_seed for case in cases]


def _of_seed(plan: Plan, agent: Agent, seed: int) -> list[Case]:
    progress(f"held-out seed {seed}")
    cases = []
    for name in WORKLOADS:
        requests = trace(name, seed, plan, plan.scale)
        for share in plan.cache_shares:
            capacity = int(share * requests.footprint_bytes)
            scores = compare_agent(requests, agent, capacity, PEERS, warm_up_days=plan.warm_up_days, seed=seed)
            for lacking, poorer in POORER.items():
                account = run_agent(poorer(requests), agent, capacity, warm_up_days=plan.warm_up_days, seed=seed)
                scores[lacking] = ReplayScore.from_account(account)
            cases.append(Case(seed, name, share, scores))
    return cases


def _gains(cases: list[Case]) -> dict[str, Result]:
    rng = np.random.default_rng(0)
    write_ratio = held_out.write_ratio(cases)
    mean, largest = write_ratio.mean(), write_ratio.max()
    note = f"byte miss ratio; written bytes {mean:.3f} of S3-FIFO's in the mean, {largest:.3f} at most"
    results = {
        "agent_gain_over_s3fifo": _result(held_out.mean_gain(cases, rng), note),
        "agent_way_to_belady": _result(held_out.mean_way_to_belady(cases, rng), "of the way from S3-FIFO to Belady"),
    }
    for name in POORER:
        way = held_out.mean_way_to_belady(cases, rng, name)
        results[f"agent_way_{name}"] = _result(way, "the same agent, on the same requests without these columns")
    for name in (AGENT, *PEERS):
        results[f"bmr_{name}"] = _result(held_out.mean_ratio(cases, name, rng), "mean byte miss ratio of all cases")
    return results


def _by_case(cases: list[Case]) -> dict[str, Result]:
    """The same for every workload and size of cache."""
    rng = np.random.default_rng(0)
    results = {}
    for name in WORKLOADS:
        for share in sorted({case.cache_share for case in cases}):
            selected = [case for case in cases if (case.workload, case.cache_share) == (name, share)]
            means = ", ".join(
                f"{policy} {np.mean([case.scores[policy].byte_miss_ratio for case in selected]):.4f}"
                for policy in (AGENT, *PEERS)
            )
            way = held_out.mean_way_to_belady(selected, rng)
            write_ratio = held_out.write_ratio(selected).mean()
            results[f"agent_way_{name}_{share:g}"] = _result(way, f"{means}; written {write_ratio:.3f} of S3-FIFO's")
    return results


def _stages(trained: TrainingResult) -> dict[str, Result]:
    note = "gain over S3-FIFO on the validation traces; the best stage is kept"
    stages = {"network": trained.by_network, "knobs": trained.by_knobs, "policy": trained.by_policy}
    return {f"stage_{name}": Result(value, "of bytes read", note=note) for name, value in stages.items()}


def _reinforcement(plan: Plan, trained: TrainingResult) -> dict[str, Result]:
    """What PPO and the search for knobs add to the network that they start from, on held-out traces."""
    by_seed = []
    for seed in range(HELD_OUT_SEED, HELD_OUT_SEED + plan.seeds):
        progress(f"reinforced beside imitator, seed {seed}")
        gains = []
        for name in WORKLOADS:
            requests = trace(name, seed, plan, plan.scale)
            capacity = int(0.1 * requests.footprint_bytes)
            imitator, reinforced = (
                run_agent(requests, agent, capacity, warm_up_days=plan.warm_up_days).byte_miss_ratio
                for agent in (trained.imitator, trained.reinforced)
            )
            gains.append(imitator - reinforced)
        by_seed.append(float(np.mean(gains)))
    low, high = bootstrap_mean(by_seed, np.random.default_rng(0))
    note = "byte miss ratio of the network alone less that of the agent after PPO; cache of 10%, held-out seeds"
    value = float(np.mean(by_seed))
    return {"rl_gain_over_imitator": Result(value, "of bytes read", low, high, len(by_seed), note=note)}


def _adverse(plan: Plan, agent: Agent) -> dict[str, Result]:
    """What the same agent does where it was never trained for."""
    results = {}
    for name, make in ADVERSE.items():
        requests = make(plan.adverse_requests, plan.adverse_requests // 20, np.random.default_rng(0))
        scores = compare_agent(requests, agent, int(0.1 * requests.footprint_bytes), (BASELINE,), warm_up_days=0)
        results[f"adverse_{name}"] = _difference(
            scores, "the agent as it is; a shadow run would withdraw it if below 0"
        )
    return results


def _real(quick: bool) -> dict[str, Result]:
    """The real trace, cut by time: trained and chosen on the first half, measured on the second."""
    file = data_folder(os.environ) / "cache" / "cloudphysics.oracleGeneral.bin"
    if not file.exists():
        progress(f"{file} is not there: the real trace is left out; set NIGHTSHIFT_DATA")
        return {}
    whole = read(file, Sizes.FIRST)
    half, quarter = len(whole) // 2, len(whole) // 4
    if quick:
        return {}
    budget = TrainingBudget(12_000, 2, 2, 6, 0)
    parts = [whole.part(0, quarter)], [whole.part(0, quarter)], [whole.part(quarter, half)]
    agent = train_agent(
        *parts, np.random.default_rng(0), cache_shares=(0.1,), budget=budget, progress=PrintProgress()
    ).agent
    capacity = int(0.1 * whole.footprint_bytes)
    scores = _second_half(whole, half, agent, capacity)
    note = "S3-FIFO kept: no stage was better on validation" if agent.knobs.share == 0 else f"knobs {agent.knobs}"
    return {"cloudphysics_gain_over_s3fifo": _difference(scores, note)}


def _second_half(whole: Trace, half: int, agent: Agent, capacity: int) -> dict[str, ReplayScore]:
    scores = {AGENT: ReplayScore.from_account(simulate(whole, agent.cache_policy(), capacity, warm_up=half))}
    return scores | {
        name: ReplayScore.from_account(simulate(whole, POLICIES[name](), capacity, warm_up=half)) for name in PEERS
    }


def _env_speed(plan: Plan) -> Result:
    """Per second of CPU time: other processes on the machine do not count."""
    requests = trace("mixed", TUNING_SEED, plan, plan.tuning_scale)
    env = HepCache([requests])
    env.reset(seed=0)
    began, steps, over = time.process_time(), 0, False
    while not over:
        _, _, _, over, _ = env.step(env.action_space.sample())
        steps += 1
    took_s = time.process_time() - began
    return Result(steps / took_s, "steps/s", n=steps, note=f"{len(requests) / took_s:,.0f} requests/s, of CPU time")


def _difference(scores: dict[str, ReplayScore], note: str) -> Result:
    own, shadow = scores[AGENT], scores[BASELINE]
    ratios = ", ".join(f"{name} {score.byte_miss_ratio:.4f}" for name, score in scores.items())
    share = own.written_bytes / max(1, shadow.written_bytes)
    gain = shadow.byte_miss_ratio - own.byte_miss_ratio
    return Result(gain, "of bytes read", note=f"{ratios}; written {share:.3f} of S3-FIFO's; {note}")


def _result(estimate: Estimate, note: str) -> Result:
    return Result(estimate.value, "ratio", estimate.low, estimate.high, estimate.n, note=note)


class PrintProgress:
    """Progress, one line for each step."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, step: str, share: float) -> None:  # noqa: ARG002 - the share is for bars
        """Tell the step when it is a new one."""
        if step != self._last:
            progress(step)
            self._last = step
