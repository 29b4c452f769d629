"""Trials in shadow: caches of one size on the same requests, one under LRU and one more for each proposed rule.

A trial can be suspended at any request and resumed later, with another trace: it knows the files in each cache by
name. So the same code tries rules on a trace that is over and on accesses as they come.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import pyarrow as pa

from rl_cache.arrays import Float64, Int64
from rl_cache.laboratory.account import Account
from rl_cache.laboratory.simulator import Simulation
from rl_cache.policies.admission.ruled import RuledLru, Rules, TargetType, directories
from rl_cache.traces.trace import LabelColumn, Trace


class RuleKind(StrEnum):
    """What a rule asks of a cache."""

    REFUSE = "refuse"
    QUOTA = "quota"
    PIN = "pin"
    PREFETCH = "prefetch"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule before its trial.

    Attributes:
        kind: of the rule.
        target: the directory or dataset.
        share: of the capacity, for a quota; 0 for others.
        reason: for people.
        target_type: what the target is.
        target_files, target_bytes: how many files of the target were read, and their size.
    """

    kind: RuleKind
    target: str
    share: float
    reason: str
    target_type: TargetType = TargetType.TIER
    target_files: int = 0
    target_bytes: int = 0

    @property
    def rules(self) -> Rules:
        """The rule alone; a prefetch is tried elsewhere (:mod:`rl_cache.trials.prefetching`)."""
        if self.kind is RuleKind.REFUSE:
            return Rules(refused=frozenset({self.target}))
        if self.kind is RuleKind.QUOTA:
            return Rules(quotas={self.target: self.share})
        return Rules(pinned=frozenset({self.target}))


def _empty() -> Int64:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class CachedFiles:
    """Files that at least one of the caches holds, one element each; sizes in bytes."""

    name: tuple[str, ...] = ()
    size: Int64 = field(default_factory=_empty)
    directory: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()

    def take(self, places: Int64) -> "CachedFiles":
        """The files at these places."""
        columns = (self.name, self.directory, self.dataset)
        name, directory, dataset = (tuple(column[place] for place in places) for column in columns)
        return CachedFiles(name, self.size[places], directory, dataset)


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Caches in shadow; the first is LRU's, the others are those of the proposals, in their order.

    Attributes:
        capacity_bytes: of each cache.
        proposals: what is tried.
        files: what the caches hold.
        cached: the files of each cache, by their place in ``files``, the one requested longest ago first.
        day: numbers of the days on which anything was requested, counted from 1970; the last one may not be over.
        requests: on each day.
        read_bytes: requested on each day.
        misses: of each cache on each day; shape (1 + proposals, days).
        missed_bytes: the same in bytes.
        written_bytes: the same for what each stored.
        through_s: time of the newest request, 0 before the first.
    """

    capacity_bytes: int
    proposals: tuple[Proposal, ...]
    files: CachedFiles
    cached: tuple[Int64, ...]
    day: Int64
    requests: Int64
    read_bytes: Int64
    misses: Int64
    missed_bytes: Int64
    written_bytes: Int64
    through_s: int = 0

    @classmethod
    def start(cls, proposals: Sequence[Proposal], capacity_bytes: int) -> "Trials":
        """Empty caches before the first request."""
        caches = 1 + len(proposals)
        by_day, table = _empty(), np.zeros((caches, 0), np.int64)
        cached = (_empty(),) * caches
        return cls(capacity_bytes, tuple(proposals), CachedFiles(), cached, by_day, by_day, by_day, table, table, table)

    def saved_bytes(self, number: int) -> Float64:
        """Bytes that the cache of a proposal missed less than LRU's, by day."""
        return np.asarray(self.missed_bytes[0] - self.missed_bytes[1 + number], np.float64)

    def written_less_bytes(self, number: int) -> Float64:
        """Bytes that it wrote less, by day."""
        return np.asarray(self.written_bytes[0] - self.written_bytes[1 + number], np.float64)

    def without_counts(self) -> "Trials":
        """The same caches with nothing counted yet: the end of a warm-up."""
        empty = Trials.start(self.proposals, self.capacity_bytes)
        return replace(empty, files=self.files, cached=self.cached, through_s=self.through_s)

    def select(self, proposals: Sequence[int]) -> "Trials":
        """The trials of these proposals, by number; the others end."""
        caches = [0, *(1 + number for number in proposals)]
        cached = tuple(self.cached[cache] for cache in caches)
        selected = replace(
            self,
            proposals=tuple(self.proposals[number] for number in proposals),
            cached=cached,
            misses=self.misses[caches],
            missed_bytes=self.missed_bytes[caches],
            written_bytes=self.written_bytes[caches],
        )
        return _drop_idle_files(selected, self.files, cached)


def advance(trials: Trials, trace: Trace) -> Trials:
    """Serve these requests, which come after those before; a cached file keeps the size that it was cached with."""
    files, request = _merge_files(trials.files, trace)
    merged = replace(
        trace,
        file=request,
        file_size=files.size,
        file_name=None,
        tier=_labels(files.directory),
        directory=None,
        dataset=_labels(files.dataset),
    )
    served = [
        _serve(merged, RuledLru(rules), trials.capacity_bytes, cached)
        for rules, cached in zip(
            [Rules(), *(proposal.rules for proposal in trials.proposals)], trials.cached, strict=True
        )
    ]
    counted = _add_counts(trials, merged, [account for account, _ in served])
    return _drop_idle_files(counted, files, tuple(cached for _, cached in served))


def _serve(trace: Trace, policy: RuledLru, capacity_bytes: int, cached: Int64) -> tuple[Account, Int64]:
    """What the cache counted on these requests, and what it holds afterwards."""
    cache = Simulation(trace, policy, capacity_bytes)
    cache.refill(cached)
    cache.advance()
    return cache.account, policy.cached_files(cache.state)


def _merge_files(cached: CachedFiles, trace: Trace) -> tuple[CachedFiles, Int64]:
    """The cached files and after them those that are requested and not cached; and each request's file among these."""
    requested, request = np.unique(trace.file, return_inverse=True)
    names = [str(name) for name in (requested if trace.file_name is None else trace.file_name[requested])]
    place = {name: number for number, name in enumerate(cached.name)}
    number = np.array([place.setdefault(name, len(place)) for name in names], np.int64)
    fresh = requested[number >= len(cached.name)]
    directory, dataset = _label_names(directories(trace), fresh), _label_names(trace.dataset, fresh)
    return (
        CachedFiles(
            tuple(place),
            np.concatenate((cached.size, trace.file_size[fresh])),
            cached.directory + directory,
            cached.dataset + dataset,
        ),
        number[request],
    )


def _label_names(labels: LabelColumn | None, files: Int64) -> tuple[str, ...]:
    if labels is None:
        return ("",) * len(files)
    return tuple(labels.names[code] for code in labels.code[files])


def _labels(names: Sequence[str]) -> LabelColumn:
    encoded = pa.array(names, pa.string()).dictionary_encode()
    return LabelColumn(encoded.indices.to_numpy(), tuple(encoded.dictionary.to_pylist()))


def _add_counts(trials: Trials, trace: Trace, accounts: Sequence[Account]) -> Trials:
    """What was counted added, day by day; a day that goes on grows."""
    read = np.flatnonzero(np.diff(trace.day_starts))
    day = np.union1d(trials.day, trace.first_day + read)
    old, new = np.searchsorted(day, trials.day), np.searchsorted(day, trace.first_day + read)

    def sums(before: Int64, *columns: str) -> Int64:
        """By cache and day; by day alone, of what all caches are asked alike, from the first of them."""
        total = np.zeros((*before.shape[:-1], len(day)), np.int64)
        total[..., old] = before
        counted = np.array([sum(getattr(account, column)[read] for column in columns) for account in accounts])
        total[..., new] += counted if before.ndim > 1 else counted[0]
        return total

    return replace(
        trials,
        day=day,
        requests=sums(trials.requests, "hits", "misses"),
        read_bytes=sums(trials.read_bytes, "hit_bytes", "miss_bytes"),
        misses=sums(trials.misses, "misses"),
        missed_bytes=sums(trials.missed_bytes, "miss_bytes"),
        written_bytes=sums(trials.written_bytes, "written_bytes"),
        through_s=int(trace.time_s[-1]),
    )


def _drop_idle_files(trials: Trials, files: CachedFiles, cached: Sequence[Int64]) -> Trials:
    """Only files that at least one cache holds are kept."""
    in_use = np.unique(np.concatenate(cached))
    return replace(trials, files=files.take(in_use), cached=tuple(np.searchsorted(in_use, places) for places in cached))
