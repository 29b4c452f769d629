"""Fetching ahead: rules from the first days of a trace, what they save on the last ones, and whether their lines hold.

Rules are chosen and tried on the first two thirds of the days, as ``nightshift cache suggest`` does. On the last third
those that became active run together, beside LRU. At the beginning of each of these days they name what they would
fetch; the peer names as many datasets, those that were read most in the day before and of which files are missing too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.intervals import bootstrap_mean
from benchmarks.report import Result, progress
from rl_cache.arrays import Mask
from rl_cache.kernels import linked_list
from rl_cache.laboratory.account import Account
from rl_cache.laboratory.simulator import Simulation
from rl_cache.policies.admission.fetch_ahead import FETCHED, READ, FetchAhead
from rl_cache.policies.eviction.lru import Lru
from rl_cache.traces.generate import hep
from rl_cache.traces.trace import Trace
from rl_cache.traces.workload import WORKLOADS
from rl_cache.trials.prefetching import PrefetchTrial, datasets_to_fetch, try_prefetching, waiting_s
from rl_cache.trials.suggestions import TrialStatus

SEEDS, QUICK_SEEDS = (9101, 9102, 9103), (9100,)
SCALE, QUICK_SCALE = 0.05, 0.01
CACHE_SHARE = 0.1
SUGGESTED_DAYS = 28
_PEER = "the datasets that were read most in the last day"


@dataclass(frozen=True, slots=True)
class Choice:
    """Datasets that a method named at the beginning of a day.

    Attributes:
        read: of each, whether any of its missing files was read on that day.
        missing_bytes, read_bytes: of the missing files of all, and of those that were read.
    """

    read: tuple[bool, ...]
    missing_bytes: int
    read_bytes: int


@dataclass(frozen=True, slots=True)
class Case:
    """One trace: rules tried and active, and on the last days shares of what LRU misses and of the waiting for it."""

    seed: int
    tried: int
    active: int
    waiting_saved: float
    requests_saved: float
    bytes_saved: float
    in_vain: float
    more_from_afar: float
    lines: tuple[Choice, ...]
    peer: tuple[Choice, ...]


def run(quick: bool) -> dict[str, Result]:
    """Suggest on each trace, then look at its last days."""
    seeds, scale = (QUICK_SEEDS, QUICK_SCALE) if quick else (SEEDS, SCALE)
    by_workload = {name: [_case(name, seed, scale) for seed in seeds] for name in WORKLOADS}
    cases = [case for of_workload in by_workload.values() for case in of_workload]
    tried, active = sum(case.tried for case in cases), sum(case.active for case in cases)
    results = {
        "ahead_active_rules": Result(active, "rules", n=tried, note="n: rules tried, over all traces"),
        "ahead_traces_with_active_rules": Result(sum(case.active > 0 for case in cases), "traces", n=len(cases)),
    }
    for suffix, some in [("", cases), *((f"_{name}", of_workload) for name, of_workload in by_workload.items())]:
        results[f"ahead_waiting_saved{suffix}"] = _by_seed(some, "waiting_saved", "of LRU's waiting")
        results[f"ahead_fetched_in_vain{suffix}"] = _by_seed(some, "in_vain", "of the bytes that LRU misses")
        results[f"ahead_more_from_afar{suffix}"] = _by_seed(some, "more_from_afar", "of the bytes that LRU misses")
    # Whatever a miss is taken to cost, the share of the waiting lies between these two.
    results["ahead_requests_saved"] = _by_seed(cases, "requests_saved", "of the requests that LRU misses")
    results["ahead_bytes_saved"] = _by_seed(cases, "bytes_saved", "of the bytes that LRU misses, fetched ones left out")
    return results | _precision(cases)


def _case(workload: str, seed: int, scale: float) -> Case:
    progress(f"fetching ahead, {workload}, seed {seed}")
    trace = hep(replace(WORKLOADS[workload], scale=scale), np.random.default_rng(seed))
    capacity, start = int(CACHE_SHARE * trace.footprint_bytes), int(trace.day_starts[SUGGESTED_DAYS])
    trials = try_prefetching(trace.part(0, start), capacity, np.random.default_rng(0))
    active = [trial for trial in trials if trial.suggestion.judgement.status is TrialStatus.ACTIVE]
    plain = Simulation(trace, Lru(), capacity, warm_up=start)
    plain.advance()
    bursts = {trial.suggestion.target: trial.burst for trial in active}
    ahead = Simulation(trace, FetchAhead(bursts), capacity, warm_up=start)
    ahead.advance(start)
    before = ahead.state.sums.copy()
    ahead.advance()
    counted = ahead.state.sums - before
    missed, remote = (int(account.miss_bytes.sum()) for account in (plain.account, ahead.account))
    choices = list(_choices(trace, active, capacity))
    return Case(
        seed,
        len(trials),
        len(active),
        1 - _waiting(ahead.account) / _waiting(plain.account),
        1 - int(ahead.account.misses.sum()) / int(plain.account.misses.sum()),
        1 - remote / missed,
        max(0, int(counted[FETCHED] - counted[READ])) / missed,
        (remote + int(counted[FETCHED]) - missed) / missed,
        tuple(lines for lines, _ in choices),
        tuple(peer for _, peer in choices),
    )


def _waiting(account: Account) -> float:
    return float(waiting_s(account.misses, account.miss_bytes).sum())


def _choices(trace: Trace, active: Sequence[PrefetchTrial], capacity: int) -> Iterator[tuple[Choice, Choice]]:
    """What the rules and the peer name at the beginning of each of the last days."""
    assert trace.dataset is not None
    names, starts = trace.dataset.names, trace.day_starts
    for day in range(SUGGESTED_DAYS, len(starts) - 1):
        past = trace.part(0, int(starts[day]))
        lines = [names.index(line.dataset) for line in datasets_to_fetch(past, active, capacity)]
        cache = Simulation(past, Lru(), capacity)
        cache.advance()
        missing = (past.requests > 0) & ~linked_list.contained(cache.state.links, trace.n_files)
        requests = np.bincount(trace.dataset.code[trace.file[starts[day - 1] : starts[day]]], minlength=len(names))
        lacking = np.bincount(trace.dataset.code[missing], minlength=len(names)) > 0
        peer = np.argsort(-np.where(lacking, requests, 0), kind="stable")[: len(lines)].tolist()
        read = np.zeros(trace.n_files, np.bool_)
        read[trace.file[starts[day] : starts[day + 1]]] = True
        yield _choice(trace, lines, missing, read), _choice(trace, peer, missing, read)


def _choice(trace: Trace, datasets: list[int], missing: Mask, read: Mask) -> Choice:
    assert trace.dataset is not None
    lacked = [missing & (trace.dataset.code == dataset) for dataset in datasets]
    return Choice(
        tuple(bool((files & read).any()) for files in lacked),
        sum(int(trace.file_size[files].sum()) for files in lacked),
        sum(int(trace.file_size[files & read].sum()) for files in lacked),
    )


def _by_seed(cases: Sequence[Case], figure: str, unit: str) -> Result:
    seeds = sorted({case.seed for case in cases})
    means = [float(np.mean([getattr(case, figure) for case in cases if case.seed == seed])) for seed in seeds]
    low, high = bootstrap_mean(means, np.random.default_rng(0))
    return Result(float(np.mean(means)), unit, low, high, len(seeds), note="mean and interval over seeds")


def _precision(cases: Sequence[Case]) -> dict[str, Result]:
    """Shares of the named datasets, and of their missing bytes, that were read on the day that began."""
    lines = [choice for case in cases for choice in case.lines]
    peer = [choice for case in cases for choice in case.peer]
    return {
        "ahead_lines_read": Result(
            _datasets_read(lines),
            "of the lines",
            n=sum(len(choice.read) for choice in lines),
            peer=_PEER,
            peer_value=_datasets_read(peer),
            note="any missing file of the dataset was read on the day that began",
        ),
        "ahead_lines_bytes_read": Result(
            _bytes_read(lines), "of their missing bytes", peer=_PEER, peer_value=_bytes_read(peer)
        ),
    }


def _datasets_read(choices: Sequence[Choice]) -> float:
    read = [hit for choice in choices for hit in choice.read]
    return sum(read) / len(read) if read else float("nan")


def _bytes_read(choices: Sequence[Choice]) -> float:
    missing = sum(choice.missing_bytes for choice in choices)
    return sum(choice.read_bytes for choice in choices) / missing if missing else float("nan")
