"""What the placement plan saves: cold reads and TB × weeks in a back-test, and how long a plan takes.

A catalogue, a grid and readers are simulated for each seed. Boosted trees are trained anew every four weeks on what was
known by then and forecast the next week; every policy then plays the same weeks with the same disk and network. Three
more are compared: everything kept, with disk for all of it; the greedy plan alone; and the plan that knows which
datasets will be popular next week.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.checkpoint import Figures, checkpointed
from benchmarks.intervals import student
from benchmarks.report import Progress, Result
from opint.placement.backtest import Scenario, add_up, play, with_free_space
from opint.placement.decision import Budget, PlacementDecision, Prices
from opint.placement.demand import expected_demand, probabilities, region_shares
from opint.placement.plan import Plan
from opint.placement.planner import make_plan
from opint.placement.policies import POLICIES, Policy, PolicyInput
from opint.placement.problem import build
from opint.placement.simulate_sites import GridSize, first_replicas, readers, simulate_grid
from opint.placement.sites import StorageKind
from opint.placement.solve import solve, to_decision
from opint.popularity.history import History, Label
from opint.popularity.models import trainer
from opint.popularity.predictors import ForecastTask, RetrainedModel
from opint.popularity.simulate import CatalogueSize, simulate_catalogue
from opint.popularity.walk_forward import walk_forward
from streams.arrays import Float64

LABEL = Label("naccess", ">", 10)
DISK, OTHER_DISKS = 0.1, (0.05, 0.2)
"""Disk as a share of the bytes of the catalogue."""
NETWORK = 0.05
"""Bytes that can be copied in a week, as a share of the disk."""
EVERY_WEEKS, LEARNED_WEEKS = 4, 26


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is played: datasets, weeks, the first planned week, sites; and of how many datasets plans are timed."""

    datasets: int = 3000
    weeks: int = 104
    first: int = 52
    sites: int = 50
    timed: tuple[int, int] = (10_000, 100_000)


FULL, QUICK = Extent(), Extent(300, 44, 36, 10, (500, 2_000))


def measure(data: Path, quick: bool, seeds: Sequence[int], progress: Progress) -> Mapping[str, Result]:
    """Cold reads and TB × weeks of all policies, over the seeds; seconds for one plan."""
    del data
    extent = QUICK if quick else FULL
    name = "placement-quick" if quick else "placement"
    runs = []
    for seed in seeds:
        runs.append(checkpointed(name, seed, lambda seed=seed: figures(seed, extent)))  # type: ignore[misc]
        cold_shares = (f"{key} {value:.4g}" for key, value in runs[-1].items() if key.startswith("cold"))
        progress(f"seed {seed}: {', '.join(cold_shares)}")
    return saved(runs) | timed(seeds[0], extent, progress)


def figures(seed: int, extent: Extent) -> Figures:
    """Shares of cold and remote reads, TB × weeks and TB copied of each policy, with one seed."""
    history = simulate_catalogue(np.random.default_rng(seed), CatalogueSize(extent.datasets, extent.weeks))
    probability = forecasts(history, seed, range(extent.first, extent.weeks))
    world = world_of(history, probability, seed, extent, DISK)
    popular = LABEL.holds(history.measures["naccess"])
    outcome = {week: popular[:, week].astype(np.float64) for week in probability}
    played: dict[str, tuple[Scenario, Policy]] = {name: (world, policy) for name, policy in POLICIES.items()}
    played["everything"] = (endless(world), POLICIES["keep_everything"])
    played["greedy"] = (world, greedily)
    played["foreknown"] = (replace(world, probability=outcome), POLICIES["forecast"])
    for disk in OTHER_DISKS:
        other = world_of(history, probability, seed, extent, disk)
        played |= {f"{name}_disk_{disk:.0%}": (other, POLICIES[name]) for name in ("lru", "forecast")}
    results: Figures = {}
    for name, (scene, policy) in played.items():
        sums = add_up(play(scene, policy))
        results |= {
            f"cold_{name}": sums.cold / sums.reads,
            f"remote_{name}": sums.remote / sums.reads,
            f"tb_weeks_{name}": sums.disk_tb_weeks,
            f"copied_{name}": sums.copied_tb,
        }
    return results


def forecasts(history: History, seed: int, targets: Sequence[int]) -> dict[int, Float64]:
    """Probabilities (n,) by week, each known at the end of the week before."""
    task = ForecastTask.of(history, LABEL)
    learned = RetrainedModel(trainer("boosting"), seed, EVERY_WEEKS, LEARNED_WEEKS)
    return {
        forecast.week: probabilities(forecast, history.shape[0]) for forecast in walk_forward(task, learned, targets)
    }


def world_of(history: History, probability: Mapping[int, Float64], seed: int, extent: Extent, disk: float) -> Scenario:
    """A grid with a disk of this share of all bytes."""
    rng = np.random.default_rng([seed, 1])
    bytes_ = disk * float(history.size_bytes.sum())
    rses = simulate_grid(rng, GridSize(extent.sites, bytes_))
    tapes = np.flatnonzero([rse.kind is StorageKind.TAPE for rse in rses])
    reads = readers(rng, history, rses)
    replicas = first_replicas(rng, history, min(probability) - 1, rses)
    archive = rng.choice(tapes, history.shape[0])
    return Scenario(history, reads, replicas, archive, probability, LABEL, Budget(NETWORK * bytes_), Prices())


def endless(world: Scenario) -> Scenario:
    """The same with room on every disk, and a network, for all datasets."""
    every = float(world.history.size_bytes.sum())
    rses = (
        replace(rse, capacity_bytes=rse.capacity_bytes + int(every)) if rse.kind is StorageKind.DISK else rse
        for rse in world.replicas.rses
    )
    return replace(world, replicas=replace(world.replicas, rses=tuple(rses)), budget=Budget(every))


def greedily(policy_input: PolicyInput) -> PlacementDecision:
    """The plan without the optimiser."""
    demand = expected_demand(policy_input.history, policy_input.label, policy_input.probability, policy_input.share)
    problem = build(policy_input.replicas, demand, policy_input.budget, policy_input.prices)
    return to_decision(problem, solve(problem, most_options=-1).chosen, len(policy_input.replicas.dataset))


def saved(runs: Sequence[Figures]) -> dict[str, Result]:
    """Over the seeds, with 95 % intervals of Student's t."""
    results = {"plan_cold_read_reduction": _reduction(runs, "forecast", "lru")}
    for disk in OTHER_DISKS:
        key = f"plan_cold_read_reduction_disk_{disk:.0%}".rstrip("%")
        results[key] = _reduction(runs, f"forecast_disk_{disk:.0%}", f"lru_disk_{disk:.0%}")
    results["plan_cold_read_reduction_to_persistence"] = _reduction(runs, "forecast", "persistence")
    for name in (*POLICIES, "greedy", "foreknown"):
        results[f"cold_reads_{name}"] = _compare(runs, f"cold_{name}", "cold_lru", "share", "LRU deletion")
        results[f"remote_reads_{name}"] = _compare(runs, f"remote_{name}", "remote_lru", "share", "LRU deletion")
        results[f"tb_weeks_{name}"] = _compare(
            runs, f"tb_weeks_{name}", "tb_weeks_everything", "TB weeks", "everything kept, with disk for all"
        )
        results[f"copied_{name}"] = _compare(runs, f"copied_{name}", "copied_lru", "TB", "LRU deletion")
    return results


def _reduction(runs: Sequence[Figures], name: str, peer: str) -> Result:
    values = [1 - run[f"cold_{name}"] / run[f"cold_{peer}"] for run in runs]
    cold, peer_cold = (np.mean([run[f"cold_{word}"] for run in runs]) for word in (name, peer))
    note = f"{cold:.2%} of the reads are cold, with {peer.partition('_')[0]} {peer_cold:.2%}; the same disk and network"
    low, high = student(values)
    peers = {"lru": "LRU deletion", "persistence": "persistence plan"}
    return Result(float(np.mean(values)), "share", low, high, len(runs), peers[peer.partition("_")[0]], note=note)


def _compare(runs: Sequence[Figures], name: str, peer: str, unit: str, words: str) -> Result:
    values = [run[name] for run in runs]
    low, high = student(values)
    value, peer_value = float(np.mean(values)), float(np.mean([run[peer] for run in runs]))
    ratio = value / peer_value if peer_value else None
    return Result(value, unit, low, high, len(runs), words, peer_value, ratio)


def timed(seed: int, extent: Extent, progress: Progress) -> dict[str, Result]:
    """Seconds for one plan with all its lines, of catalogues of two sizes."""
    results = {}
    for key, datasets in zip(("plan_s_1e4", "plan_s_1e5"), extent.timed, strict=True):
        start, (plan, seconds) = time.perf_counter(), _one_plan(seed, replace(extent, datasets=datasets))
        progress(f"{datasets} datasets: {seconds:.3g} s, {time.perf_counter() - start:.3g} s with what it stands on")
        gap = (plan.bound - plan.value) / plan.bound
        missed = f"at most {gap:.2g} of the value is missed" if np.isfinite(gap) else "nothing is known of the best"
        note = f"{datasets} datasets, {len(plan.lines)} lines, {plan.method}, {missed}"
        results[key] = Result(seconds, "s", n=1, note=note)
    return results


def _one_plan(seed: int, extent: Extent) -> tuple[Plan, float]:
    weeks, week = 40, 39
    history = simulate_catalogue(np.random.default_rng(seed), CatalogueSize(extent.datasets, weeks))
    rng = np.random.default_rng([seed, 2])
    popular = LABEL.holds(history.measures["naccess"])[:, week - 1]
    # Persistence, blurred: how long a solver takes hardly depends on how good a forecast is.
    probability = np.where(popular, 0.85, 0.01) * rng.uniform(0.5, 1.1, extent.datasets)
    world = world_of(history, {week: probability}, seed, extent, DISK)
    shares = region_shares(world.reads[:, :, :week].sum(axis=2))
    demand = expected_demand(history.until(week - 1), LABEL, probability, shares)
    replicas = with_free_space(world.replicas)
    return _with_seconds(lambda: make_plan(history.weeks.start(week), replicas, demand, world.budget, world.prices))


def _with_seconds(make: Callable[[], Plan]) -> tuple[Plan, float]:
    start = time.perf_counter()
    result = make()
    return result, time.perf_counter() - start
