"""Trials of fetching ahead: waiting saved over LRU, bytes fetched in vain, and what an active rule would fetch now.

A rule of a directory says after how many files of a dataset, read within how many hours, the others are fetched. It
costs bytes and saves readers time, so it is judged by time alone, with the bytes beside it as its price. A missed
request keeps its reader waiting for LOOKUP_S and then for its bytes at REMOTE_BYTES_PER_S; a hit does not.

The trial needs every file that was ever read, held or not, so it runs on a whole trace and is not continued on
accesses as they come.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from rl_cache.arrays import Float64, Int64, Mask
from rl_cache.kernels import linked_list
from rl_cache.laboratory.account import Account
from rl_cache.laboratory.simulator import Simulation
from rl_cache.laboratory.units import SavingUnit
from rl_cache.policies.admission.fetch_ahead import FETCHED, READ, Burst, FetchAhead
from rl_cache.policies.admission.ruled import TargetType, directories, typed_directories
from rl_cache.policies.eviction.lru import Lru
from rl_cache.traces.trace import LabelColumn, Trace
from rl_cache.trials.proposals import LEARN
from rl_cache.trials.shadow import Proposal, RuleKind
from rl_cache.trials.suggestions import Suggestion, TrialStatus, judge_rule

LOOKUP_S = 5.0
"""What a redirector of XRootD tells a client to wait while it looks for a file (``cms.delay lookup``, its default)."""
REMOTE_BYTES_PER_S = 12.5e6
"""A hundredth of a link of 10 Gbit/s: an assumption. Shares of LRU's waiting hardly depend on it, hours do."""
_BURSTS = tuple(Burst(files, hours) for files in (5, 10) for hours in (6, 24))
"""What is tried on the earlier days; the best of a directory is tried on the later ones."""
_MOST_DIRECTORIES = 8
"""The most read ones are tried."""


@dataclass(frozen=True, slots=True)
class DatasetToFetch:
    """A dataset that is being read now and lacks files in the cache, among those that were read before.

    Attributes:
        dataset: its name.
        at_s: time of the last request.
        files, size_bytes: that were read of it, cached or not.
        missing_files, missing_bytes: of these, not in the cache.
        expected_reads: of the missing files, if the share of them is read that was read in the trial.
        waiting_s: what readers wait less then.
    """

    dataset: str
    at_s: int
    files: int
    size_bytes: int
    missing_files: int
    missing_bytes: int
    expected_reads: float
    waiting_s: float


@dataclass(frozen=True, slots=True)
class PrefetchTrial:
    """A rule, what became of it, and the share of the fetched bytes that were read by the end of the trial."""

    burst: Burst
    suggestion: Suggestion
    read_share: float


def waiting_s(misses: Int64, missed_bytes: Int64) -> Float64:
    """Seconds that readers wait for so many missed requests of so many bytes."""
    seconds: Float64 = LOOKUP_S * misses + missed_bytes / REMOTE_BYTES_PER_S
    return seconds


def try_prefetching(trace: Trace, capacity_bytes: int, rng: Generator) -> list[PrefetchTrial]:
    """Rules chosen on the earlier days of the trace, each tried alone over LRU on the later ones.

    There are none where the trace has no datasets, or nothing above them that a rule could be made for.
    """
    target_type, labels = typed_directories(trace)
    if trace.dataset is None or target_type is TargetType.DATASET:
        return []
    days = len(trace.day_starts) - 1
    start = int(trace.day_starts[int(days * LEARN)])
    earlier = trace.part(0, start)
    chosen = _chosen_bursts(earlier, labels, capacity_bytes)
    plain = _replayed(trace, None, capacity_bytes, start)
    return [
        _trial(trace, name, burst, target_type, plain.account, capacity_bytes, start, rng)
        for name, burst in chosen.items()
    ]


def _chosen_bursts(earlier: Trace, labels: LabelColumn, capacity_bytes: int) -> dict[str, Burst]:
    """By directory the burst that saves most waiting; none where each costs time."""
    half = len(earlier) // 2
    read = np.bincount(labels.code[earlier.file], earlier.size, len(labels.names))
    plain = _waiting(_replayed(earlier, None, capacity_bytes, half).account).sum()
    chosen = {}
    for code in np.argsort(-read, kind="stable")[:_MOST_DIRECTORIES]:
        name = labels.names[code]
        waits = [_waiting(_replayed(earlier, {name: burst}, capacity_bytes, half).account).sum() for burst in _BURSTS]
        if min(waits) < plain:
            chosen[name] = _BURSTS[int(np.argmin(waits))]
    return chosen


def _replayed(trace: Trace, bursts: dict[str, Burst] | None, capacity_bytes: int, start: int) -> Simulation:
    cache = Simulation(trace, Lru() if bursts is None else FetchAhead(bursts), capacity_bytes, warm_up=start)
    cache.advance()
    return cache


def _waiting(account: Account) -> Float64:
    """Seconds of waiting on each day on which anything was counted."""
    counted = account.hits + account.misses > 0
    return waiting_s(account.misses[counted], account.miss_bytes[counted])


def _trial(
    trace: Trace,
    name: str,
    burst: Burst,
    target_type: TargetType,
    plain: Account,
    capacity_bytes: int,
    start: int,
    rng: Generator,
) -> PrefetchTrial:
    cache = Simulation(trace, FetchAhead({name: burst}), capacity_bytes, warm_up=start)
    cache.advance(start)
    before = cache.state.sums.copy()
    cache.advance()
    fetched, read = (int((cache.state.sums - before)[column]) for column in (FETCHED, READ))
    account = cache.account
    counted = account.hits + account.misses > 0
    labels = directories(trace)
    files = (labels.code == labels.names.index(name)) & (trace.requests > 0)
    proposal = Proposal(
        RuleKind.PREFETCH,
        name,
        0.0,
        f"fetches the other files of a dataset once {burst.files} of them were read within {burst.hours:g} h",
        target_type,
        int(files.sum()),
        int(trace.file_size[files].sum()),
    )
    suggestion = judge_rule(
        proposal,
        (_waiting(plain) - _waiting(account)) / 3600,
        np.asarray((plain.written_bytes - account.written_bytes)[counted], np.float64),
        rng,
        unit=SavingUnit.HOURS,
        vain_bytes_per_day=float(max(0, fetched - read) / counted.sum()),
    )
    return PrefetchTrial(burst, suggestion, min(1.0, read / fetched) if fetched else 0.0)


def datasets_to_fetch(trace: Trace, trials: Iterable[PrefetchTrial], capacity_bytes: int) -> list[DatasetToFetch]:
    """What the active rules would fetch at the end of the trace into a cache under LRU, most waiting saved first."""
    rules = [trial for trial in trials if trial.suggestion.judgement.status is TrialStatus.ACTIVE]
    if not rules:
        return []
    cache = _replayed(trace, None, capacity_bytes, 0)
    missing = (trace.requests > 0) & ~linked_list.contained(cache.state.links, trace.n_files)
    datasets = [dataset for trial in rules for dataset in _triggered(trace, trial, missing)]
    return sorted(datasets, key=lambda dataset: -dataset.waiting_s)


def _triggered(trace: Trace, trial: PrefetchTrial, missing: Mask) -> Iterator[DatasetToFetch]:
    """Datasets of which as many files as the rule asks for were read within its hours, and others are missing."""
    labels, datasets = directories(trace), trace.dataset
    if datasets is None:
        return
    in_directory = labels.code == labels.names.index(trial.suggestion.target)

    def by_dataset(files: Mask, weights: Int64 | None = None) -> Int64:
        counted = files & in_directory
        weight = None if weights is None else weights[counted]
        return np.bincount(datasets.code[counted], weight, len(datasets.names)).astype(np.int64)

    recent = np.zeros(trace.n_files, np.bool_)
    recent[trace.file[trace.row_at(trace.time_s[-1] - trial.burst.window_s) :]] = True
    read = trace.requests > 0
    files, size = by_dataset(read), by_dataset(read, trace.file_size)
    missing_files, missing_bytes = by_dataset(missing), by_dataset(missing, trace.file_size)
    reads, saved_s = (trial.read_share * amount for amount in (missing_files, waiting_s(missing_files, missing_bytes)))
    for dataset in np.flatnonzero((by_dataset(recent) >= trial.burst.files) & (missing_files > 0)):
        yield DatasetToFetch(
            datasets.names[dataset],
            int(trace.time_s[-1]),
            int(files[dataset]),
            int(size[dataset]),
            int(missing_files[dataset]),
            int(missing_bytes[dataset]),
            float(reads[dataset]),
            float(saved_s[dataset]),
        )
