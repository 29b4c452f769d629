"""A seeded generator of HEP-like traces: campaigns, data tiers, users' tasks and their re-runs, bursts, one-time reads.

The same workload and seed give the same trace. See :mod:`rl_cache.traces.workload` for every parameter.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from rl_cache.arrays import Float64, Int64
from rl_cache.traces.trace import LabelColumn, Trace
from rl_cache.traces.workload import Workload

_DAY_S = 86_400.0
_MONDAY_S = 1_514_764_800
"""2018-01-01, a Monday: where generated time begins."""
_PILEUP = "/MinimumBias/Pileup/PREMIX"
_PRODUCTION, _NOBODY = -1, -2


@dataclass(frozen=True, slots=True)
class DatasetCatalogue:
    """All datasets, one array element each, and all files; those of one dataset lie side by side."""

    names: tuple[str, ...]
    tier: Int64
    released_s: Float64
    """Before 0: it exists when the trace begins."""
    popularity: Float64
    """Users' interest at its release."""
    first: Int64
    """Number of its first file."""
    files: Int64
    size: Int64
    """Bytes, by file."""


@dataclass(frozen=True, slots=True)
class Reads:
    """The reads of one task: when, of which files, where, and what a GB cost it in seconds of CPU and of I/O.

    Attributes:
        run_by: number of the user's analysis that this is a run of; _PRODUCTION, or _NOBODY outside of tasks.
    """

    time_s: Float64
    file: Int64
    site: int
    cpu_s_per_gb: float
    io_s_per_gb: float
    run_by: int


def hep(workload: Workload, rng: Generator) -> Trace:
    """Generate one trace of a regional cache, ``workload.days`` days long."""
    catalogue = _catalogue(workload, rng)
    tasks = [
        *_analysis(workload, catalogue, rng),
        *_campaigns(workload, catalogue, rng),
        *_picks(workload, catalogue, rng),
        *_pileup(workload, catalogue, rng),
    ]
    return _trace(workload, catalogue, tasks, rng)


def _catalogue(workload: Workload, rng: Generator) -> DatasetCatalogue:
    tiers = workload.tiers
    n = max(len(tiers), round(workload.datasets * workload.scale))
    share = np.array([tier.share for tier in tiers])
    tier = rng.choice(len(tiers), n, p=share / share.sum())
    drawn = np.array([t.files for t in tiers])[tier] * rng.lognormal(0.0, workload.files_sigma, n)
    pileup = workload.pileup_files * workload.scale
    files: Int64 = np.maximum(1, np.append(drawn, pileup)).astype(np.int64)
    released = rng.uniform(0.0, workload.days * _DAY_S, n)
    old = rng.random(n) < workload.released_before
    released[old] = -rng.exponential(workload.half_life_days * _DAY_S, old.sum())
    rank = rng.permutation(n) + 1.0
    popularity = rank**-workload.zipf * np.array([t.popularity for t in tiers])[tier]
    median_gb = np.append(np.array([t.size_gb for t in tiers])[tier], workload.pileup_size_gb)
    spread = rng.lognormal(0.0, workload.size_sigma, files.sum())
    size = np.maximum(1, np.repeat(median_gb, files) * spread * 1e9).astype(np.int64)
    names = (*(f"/Primary{i:05d}/Era{i % 7}/{tiers[t].name}" for i, t in enumerate(tier)), _PILEUP)
    return DatasetCatalogue(
        names=names,
        tier=np.append(tier, len(tiers)),
        released_s=np.append(released, -np.inf),
        popularity=np.append(popularity, 0.0),
        first=np.concatenate(([0], np.cumsum(files)[:-1])),
        files=files,
        size=size,
    )


def _analysis(workload: Workload, catalogue: DatasetCatalogue, rng: Generator) -> list[Reads]:
    """Users' tasks; each may be run again, by the same user on the same files."""
    tasks: list[Reads] = []
    for analysis, start in enumerate(_starts(workload, workload.tasks_per_day, rng)):
        dataset = rng.choice(catalogue.files.size, p=_interest(workload, catalogue, start))
        files = _part(workload, catalogue, dataset, rng)
        begin = start
        while begin < workload.days * _DAY_S:
            hours = workload.task_hours * rng.lognormal(0.0, workload.task_hours_sigma)
            order = rng.permutation(files)
            tasks.append(_reads(workload, begin, hours * 3600.0, order, analysis, rng))
            if rng.random() >= workload.rerun:
                break
            begin += hours * 3600.0
            begin += workload.rerun_gap_days * _DAY_S * rng.lognormal(0.0, workload.rerun_gap_sigma)
    return tasks


def _campaigns(workload: Workload, catalogue: DatasetCatalogue, rng: Generator) -> list[Reads]:
    """Production reads a dataset once, in order, within days of its release."""
    chance = np.append([tier.campaign for tier in workload.tiers], 0.0)[catalogue.tier]
    read = (rng.random(catalogue.files.size) < chance) & (catalogue.released_s >= 0.0)
    tasks = []
    for dataset in np.flatnonzero(read):
        begin = catalogue.released_s[dataset] + rng.exponential(2.0 * _DAY_S)
        lasts = workload.campaign_days * _DAY_S * rng.lognormal(0.0, 0.5)
        files = catalogue.first[dataset] + np.arange(catalogue.files[dataset])
        tasks.append(_reads(workload, begin, lasts, files, _PRODUCTION, rng))
    return tasks


def _picks(workload: Workload, catalogue: DatasetCatalogue, rng: Generator) -> list[Reads]:
    """Single files of any age and tier; most of them are never read again."""
    starts = _starts(workload, workload.picks_per_day, rng)
    file = rng.integers(0, catalogue.first[-1], starts.size)
    dataset = np.searchsorted(catalogue.first, file, side="right") - 1
    released = catalogue.released_s[dataset] <= starts
    site = rng.integers(0, workload.sites, starts.size)
    cpu, io = workload.cpu_s_per_gb, workload.io_s_per_gb
    return [
        Reads(starts[released & (site == s)], file[released & (site == s)], s, cpu, io, _NOBODY)
        for s in range(workload.sites)
    ]


def _pileup(workload: Workload, catalogue: DatasetCatalogue, rng: Generator) -> list[Reads]:
    """The library that simulation mixes in: any of its files at any time; each day is a task of its own."""
    n = rng.poisson(workload.pileup_reads_per_day * workload.scale * workload.days)
    time = rng.uniform(0.0, workload.days * _DAY_S, n)
    file = catalogue.first[-1] + rng.integers(0, catalogue.files[-1], n)
    cpu, io, day = 3.0 * workload.cpu_s_per_gb, workload.io_s_per_gb, time // _DAY_S
    return [Reads(time[day == d], file[day == d], 0, cpu, io, _PRODUCTION) for d in range(workload.days)]


def _starts(workload: Workload, per_day: float, rng: Generator) -> Float64:
    """Times of a Poisson process that is slower at night and at weekends."""
    n = rng.poisson(per_day * workload.scale * workload.days)
    time = np.sort(rng.uniform(0.0, workload.days * _DAY_S, n))
    hour, day = time % _DAY_S / 3600.0, time // _DAY_S % 7
    rate = np.where((hour < 8) | (hour >= 20), workload.night, 1.0) * np.where(day >= 5, workload.weekend, 1.0)
    starts: Float64 = time[rng.random(n) < rate]
    return starts


def _interest(workload: Workload, catalogue: DatasetCatalogue, now_s: float) -> Float64:
    """Probability, by dataset, that a task that begins now reads it."""
    age = now_s - catalogue.released_s
    fresh = np.exp2(-np.maximum(age, 0.0) / (workload.half_life_days * _DAY_S))
    weight = np.where(age >= 0.0, catalogue.popularity * fresh, 0.0)
    share: Float64 = weight / weight.sum()
    return share


def _part(workload: Workload, catalogue: DatasetCatalogue, dataset: int, rng: Generator) -> Int64:
    files: Int64 = catalogue.first[dataset] + np.arange(catalogue.files[dataset])
    if rng.random() < workload.whole:
        return files
    n = max(1, round(rng.uniform(0.05, 0.9) * files.size))
    part: Int64 = rng.choice(files, n, replace=False)
    return part


def _reads(workload: Workload, begin_s: float, lasts_s: float, files: Int64, run_by: int, rng: Generator) -> Reads:
    """Reads spread evenly over the task, in the order of ``files``; some are repeated within the hour."""
    gaps = rng.exponential(1.0, files.size)
    time = begin_s + lasts_s * np.cumsum(gaps) / gaps.sum()
    again = rng.random(files.size) < workload.retry
    time = np.concatenate((time, time[again] + rng.uniform(60.0, 3600.0, again.sum())))
    cost = rng.lognormal(0.0, workload.cost_sigma, 2)
    return Reads(
        time,
        np.concatenate((files, files[again])),
        int(rng.integers(0, workload.sites)),
        float(workload.cpu_s_per_gb * cost[0]),
        float(workload.io_s_per_gb * cost[1]),
        run_by,
    )


def _trace(workload: Workload, catalogue: DatasetCatalogue, tasks: list[Reads], rng: Generator) -> Trace:
    """All reads in the order of time; files that nobody read have no number."""
    time = np.concatenate([task.time_s for task in tasks])
    file = np.concatenate([task.file for task in tasks])
    reads = [task.time_s.size for task in tasks]
    site = np.repeat([task.site for task in tasks], reads)
    cpu = np.repeat([task.cpu_s_per_gb for task in tasks], reads)
    io = np.repeat([task.io_s_per_gb for task in tasks], reads)
    inside = np.flatnonzero(time < workload.days * _DAY_S)
    order = inside[np.argsort(time[inside], kind="stable")]
    read_files, dense = np.unique(file[order], return_inverse=True)
    size = catalogue.size[read_files]
    dataset = np.searchsorted(catalogue.first, read_files, side="right") - 1
    gb = size[dense] / 1e9 * rng.lognormal(0.0, 0.2, order.size)
    return Trace(
        time_s=_MONDAY_S + time[order].astype(np.int64),
        file=dense.astype(np.int64),
        file_size=size,
        origin=f"generated workload {workload.name}",
        dataset=LabelColumn(dataset.astype(np.int32), catalogue.names),
        tier=LabelColumn(catalogue.tier[dataset].astype(np.int32), (*(tier.name for tier in workload.tiers), "PREMIX")),
        site=LabelColumn(site[order].astype(np.int32), tuple(f"T2_{i}" for i in range(workload.sites))),
        task=_per_request(_task_names(tasks), reads, order),
        user=_per_request(_user_names(workload, tasks, rng), reads, order),
        cpu_s=gb * cpu[order],
        io_s=gb * io[order],
    )


def _task_names(tasks: list[Reads]) -> list[str]:
    """Each run has a name of its own, as it has with PanDA; reads outside of tasks have none."""
    return ["" if task.run_by == _NOBODY else str(number) for number, task in enumerate(tasks)]


def _user_names(workload: Workload, tasks: list[Reads], rng: Generator) -> list[str]:
    """Who runs each task. Drawn apart: traces of a seed have the requests that they had before there were users."""
    analyses = 1 + max(task.run_by for task in tasks)
    users = max(1, round(workload.users * workload.scale))
    user = rng.spawn(1)[0].integers(0, users, max(0, analyses))
    named = {_PRODUCTION: "production", _NOBODY: ""}
    return [named[task.run_by] if task.run_by in named else f"user{user[task.run_by]}" for task in tasks]


def _per_request(names: list[str], reads: list[int], order: Int64) -> LabelColumn:
    unique, code = np.unique(names, return_inverse=True)
    return LabelColumn(np.repeat(code, reads)[order].astype(np.int32), tuple(unique.tolist()))
