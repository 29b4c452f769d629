"""The guard, and peers from libcachesim: on real block accesses first, on adverse and on generated traces after them.

Three agents are guarded: one trained on generated traces of other seeds, a plain mix of recency and frequency, and one
that evicts what was read last. Harm is how much the byte miss ratio exceeds S3-FIFO's, relative to it. Held-out seeds
are 11001 and up, which no earlier measurement has looked at; the adverse traces are the same ones each time.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.cache import peer
from benchmarks.cache.adverse import ADVERSE
from benchmarks.cache.agent import FULL, QUICK, Plan, trace, trained_under
from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Result, data_folder, progress
from rl_cache.agents.train import TrainingBudget
from rl_cache.kernels.request import COLUMNS
from rl_cache.laboratory.account import Account
from rl_cache.laboratory.simulator import simulate
from rl_cache.policies.eviction.s3fifo import S3Fifo
from rl_cache.policies.eviction.scored import HEURISTIC, Knobs, ScoredS3Fifo
from rl_cache.policies.protocols import Policy
from rl_cache.traces.assemble import Sizes
from rl_cache.traces.read import RECORD, read
from rl_cache.traces.trace import Trace
from rl_cache.traces.workload import WORKLOADS

SMALL = replace(FULL, budget=TrainingBudget(12_000, 2, 1, 2, 0))
"""Training without PPO and with next to no search for knobs, which add nothing (see the benchmark of the agent)."""
SEEDS = (11_001, 11_002, 11_003)
PEERS = ("ThreeLCache", "GLCache", "LRB", "LHD", "Cacheus", "WTinyLFU", "S3FIFO")
_UNIT = 1 << 20
"""Bytes: libCacheSim's sizes are 32 bits wide, so files are measured in MiB for all."""


def run(quick: bool) -> dict[str, Result]:
    """Train, then replay."""
    plan, seeds = (QUICK, SEEDS[:2]) if quick else (SMALL, SEEDS)
    trained = trained_under(plan).agent.cache_policy()
    agents = {
        "trained": trained,
        "heuristic": HEURISTIC,
        "contrary": ScoredS3Fifo(Knobs(share=1.0, recency=1.0, frequency=-1.0)),
    }
    real, generated = _real(), _generated(plan, seeds)
    results = _foreign(real[0], trained) if real and not quick else {}
    results |= _harm([*real, *_synthetic(plan.adverse_requests), *generated], agents, plan.cache_shares)
    return results | _cost(generated, trained, plan, len(seeds)) | _against_peers(generated, trained, len(seeds))


def _real() -> list[Trace]:
    file = data_folder(os.environ) / "cache" / "cloudphysics.oracleGeneral.bin"
    if not file.exists():
        progress(f"{file} is not there: the real trace is left out; set NIGHTSHIFT_DATA")
        return []
    return [read(file, Sizes.FIRST)]


def _synthetic(requests: int) -> Iterator[Trace]:
    """Adverse traces of two seeds, and independent draws of a Zipf popularity."""
    for seed in (33, 34):
        for make in ADVERSE.values():
            yield make(requests, requests // 20, np.random.default_rng(seed))
    rng = np.random.default_rng(35)
    files = requests // 10
    file = np.minimum(rng.zipf(1.1, 3 * requests) - 1, files - 1)
    yield Trace(np.arange(len(file)) * 10, file, rng.integers(1, 1 << 30, files), origin="generated Zipf")


def _generated(plan: Plan, seeds: tuple[int, ...]) -> list[Trace]:
    return [trace(name, seed, plan, plan.scale) for seed in seeds for name in WORKLOADS]


def _ratio(trace: Trace, policy: Policy, share: float) -> float:
    return simulate(trace, policy, int(share * trace.footprint_bytes)).byte_miss_ratio


def _harm(traces: list[Trace], agents: dict[str, ScoredS3Fifo], shares: tuple[float, ...]) -> dict[str, Result]:
    """The worst of all traces and sizes, for each agent with and without guard."""
    guarded: dict[str, list[float]] = {name: [] for name in agents}
    alone: dict[str, list[float]] = {name: [] for name in agents}
    cells = []
    for number, requests in enumerate(traces):
        progress(f"harm, trace {number + 1} of {len(traces)}: {requests.origin}")
        for share in shares:
            plain = _ratio(requests, S3Fifo(), share)
            cells.append(f"{Path(requests.origin).name} at {share:.0%}")
            for name, agent in agents.items():
                guarded[name].append(_ratio(requests, agent.guarded(), share) / plain - 1)
                alone[name].append(_ratio(requests, agent, share) / plain - 1)
    results = {}
    for name in agents:
        worst = int(np.argmax(guarded[name]))
        note = f"worst: {cells[worst]}; the same agent without guard, at worst: {max(alone[name]):.4f}"
        results[f"worst_harm_{name}"] = Result(guarded[name][worst], "of S3-FIFO's", n=len(cells), note=note)
    most = max(results.values(), key=lambda result: result.value)
    return results | {"worst_harm": replace(most, note=f"of all agents; {most.note}")}


def _cost(traces: list[Trace], agent: ScoredS3Fifo, plan: Plan, seeds: int) -> dict[str, Result]:
    """What the guard costs where the agent is good: bytes missed more than by the agent alone, of bytes read."""
    policies: tuple[Policy, ...] = (S3Fifo(), agent, agent.guarded())
    by_trace = [
        [simulate(requests, policy, requests.footprint_bytes // 10) for policy in policies] for requests in traces
    ]
    results = {}
    for name, days in (("", 0), ("_later", plan.warm_up_days)):
        rows, bytes_ = [], 0
        for accounts in by_trace:
            later = [_since(account, days) for account in accounts]
            plain, alone, guarded = (account.byte_miss_ratio for account in later)
            rows.append((guarded - alone, plain - alone, plain - guarded))
            bytes_ += int(later[2].miss_bytes.sum() - later[1].miss_bytes.sum())
        by_seed = np.array(rows).reshape(seeds, -1, 3).mean(axis=1)
        since = f"counted after {days} days" if days else "from an empty cache on"
        note = f"cache of 10%, held-out seeds of all workloads, {since}"
        measured = ("guard_cost", "agent_gain_over_s3fifo_alone", "guarded_gain_over_s3fifo")
        for column, key in enumerate(measured):
            results[key + name] = _interval(by_seed[:, column].tolist(), "of bytes read", note)
        results[f"guard_cost_bytes{name}"] = Result(bytes_ / len(traces), "B", n=len(traces), note=f"mean; {note}")
    return results


def _since(account: Account, days: int) -> Account:
    """The same without the first ``days``."""
    columns = {name: getattr(account, name)[days:] for name in COLUMNS}
    return replace(account, first_day=account.first_day + days, **columns)


def _foreign(requests: Trace, agent: ScoredS3Fifo) -> dict[str, Result]:
    """Real block accesses that nobody trained on, with a cache of 10%."""
    ratios = {"agent": _ratio(requests, agent, 0.1), "guarded": _ratio(requests, agent.guarded(), 0.1)}
    ratios |= _peer_ratios(requests, 0.1)
    best = min((value for name, value in ratios.items() if name in PEERS), default=None)
    return {
        f"cloudphysics_{name.lower()}": Result(
            value, "byte miss ratio", peer="the best of libcachesim", peer_value=best
        )
        for name, value in ratios.items()
    }


def _against_peers(traces: list[Trace], agent: ScoredS3Fifo, seeds: int) -> dict[str, Result]:
    """The agent, alone and guarded, against the best peer of each trace, cache of 10%."""
    if not peer.installed():
        progress("libcachesim is not installed: no peers")
        return {}
    better: dict[str, list[float]] = {"agent": [], "guarded": []}
    wins: list[str] = []
    for number, requests in enumerate(traces):
        progress(f"peers, trace {number + 1} of {len(traces)}")
        coarse = replace(requests, file_size=np.maximum(1, requests.file_size // _UNIT))
        ratios = _peer_ratios(coarse, 0.1)
        best = min(ratios, key=ratios.__getitem__)
        wins.append(best)
        better["agent"].append(ratios[best] - _ratio(coarse, agent, 0.1))
        better["guarded"].append(ratios[best] - _ratio(coarse, agent.guarded(), 0.1))
    note = f"byte miss ratio of the best peer of each trace ({', '.join(sorted(set(wins)))}) less the agent's"
    by_seed = {name: np.array(values).reshape(seeds, -1).mean(axis=1).tolist() for name, values in better.items()}
    return {
        "agent_beats_best_peer": _interval(by_seed["agent"], "of bytes read", note),
        "guarded_beats_best_peer": _interval(by_seed["guarded"], "of bytes read", note),
    }


def _peer_ratios(requests: Trace, share: float) -> dict[str, float]:
    """Byte miss ratios of libcachesim's policies, each in a process of its own; those that fail are left out."""
    if not peer.installed():
        return {}
    ratios = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.oracleGeneral.bin"
        never = requests.next_access == len(requests)
        records = np.empty(len(requests), RECORD)
        records["time"], records["file"] = requests.time_s - requests.time_s[0], requests.file + 1
        records["size"] = requests.size
        records["next"] = np.where(never, np.iinfo(np.int64).max, requests.next_access + 1)
        path.write_bytes(records.tobytes())
        for name in PEERS:
            try:
                ratios[name] = peer.replay(path, name, int(share * requests.footprint_bytes)).byte_miss_ratio
            except subprocess.CalledProcessError as error:
                progress(f"{name} of libcachesim failed: {error}")
    return ratios


def _interval(values: list[float], unit: str, note: str) -> Result:
    low, high = bootstrap_mean(values, np.random.default_rng(0))
    return Result(float(np.mean(values)), unit, low, high, len(values), note=note)
