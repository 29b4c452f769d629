"""Trials in the dark: caches of one size on the same requests, one under LRU and one more for each proposed rule.

A trial can be put down at any request and taken up later, with another trace: it knows the files in each cache by
name. So the same code tries rules on a trace that is over and on accesses as they come.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rl_cache.account import Account
from rl_cache.policies.ruled import Ruled, Rules, directories
from rl_cache.proposal import Proposal
from rl_cache.simulator import Simulation
from rl_cache.traces.trace import Labels, Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def _none() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Files:
    """Files that at least one of the caches holds, one element each; sizes in bytes."""

    name: tuple[str, ...] = ()
    size: Ints = field(default_factory=_none)
    directory: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()

    def chosen(self, places: Ints) -> "Files":
        """Some of them."""
        columns = (self.name, self.directory, self.dataset)
        name, directory, dataset = (tuple(column[place] for place in places) for column in columns)
        return Files(name, self.size[places], directory, dataset)


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Caches in the dark; the first one is LRU's, the others are those of the proposals, in their order.

    Attributes:
        capacity_bytes: of each cache.
        proposals: what is tried.
        files: what the caches hold.
        held: the files of each cache, by their place in ``files``, the one requested longest ago first.
        day: numbers of the days on which anything was requested, counted from 1970; the last one may not be over.
        missed: bytes that each cache missed on each day; shape (1 + proposals, days).
        written: bytes that each stored.
        through_s: time of the newest request, 0 before the first.
    """

    capacity_bytes: int
    proposals: tuple[Proposal, ...]
    files: Files
    held: tuple[Ints, ...]
    day: Ints
    missed: Ints
    written: Ints
    through_s: int = 0

    @classmethod
    def begin(cls, proposals: Sequence[Proposal], capacity_bytes: int) -> "Trials":
        """Empty caches before the first request."""
        caches = 1 + len(proposals)
        nothing = np.zeros((caches, 0), np.int64)
        return cls(capacity_bytes, tuple(proposals), Files(), (_none(),) * caches, _none(), nothing, nothing)

    def saved(self, number: int) -> Floats:
        """Bytes that the cache of a proposal missed less than LRU's, by day."""
        return np.asarray(self.missed[0] - self.missed[1 + number], np.float64)

    def written_less(self, number: int) -> Floats:
        """Bytes that it wrote less, by day."""
        return np.asarray(self.written[0] - self.written[1 + number], np.float64)

    def uncounted(self) -> "Trials":
        """The same caches, what they counted forgotten: the end of a warm-up."""
        nothing = np.zeros((len(self.held), 0), np.int64)
        return replace(self, day=_none(), missed=nothing, written=nothing)

    def only(self, proposals: Sequence[int]) -> "Trials":
        """The trials of some of the proposals, by number; the others end."""
        caches = [0, *(1 + number for number in proposals)]
        held = tuple(self.held[one] for one in caches)
        kept = replace(
            self,
            proposals=tuple(self.proposals[number] for number in proposals),
            held=held,
            missed=self.missed[caches],
            written=self.written[caches],
        )
        return _without_idle_files(kept, self.files, held)


def advance(trials: Trials, trace: Trace) -> Trials:
    """Serve these requests, which come after those before; a file that is held keeps the size that it is held with."""
    files, request = _joined(trials.files, trace)
    tried = replace(
        trace,
        file=request,
        file_size=files.size,
        file_name=None,
        tier=_labels(files.directory),
        dataset=_labels(files.dataset),
    )
    rules = [Rules(), *(proposal.rules for proposal in trials.proposals)]
    caches = [
        _served(tried, Ruled(one), trials.capacity_bytes, held) for one, held in zip(rules, trials.held, strict=True)
    ]
    grown = _counted(trials, tried, [account for account, _ in caches])
    return _without_idle_files(grown, files, tuple(held for _, held in caches))


def _served(trace: Trace, policy: Ruled, capacity_bytes: int, held: Ints) -> tuple[Account, Ints]:
    """What the cache counted on these requests, and what it holds afterwards."""
    cache = Simulation(trace, policy, capacity_bytes)
    cache.refill(held)
    cache.advance()
    return cache.account, policy.held(cache.state)


def _joined(held: Files, trace: Trace) -> tuple[Files, Ints]:
    """The held files and after them those that are requested and not held; and each request's file among these."""
    requested, request = np.unique(trace.file, return_inverse=True)
    names = [str(one) for one in (requested if trace.file_name is None else trace.file_name[requested])]
    place = {name: number for number, name in enumerate(held.name)}
    number = np.array([place.setdefault(name, len(place)) for name in names], np.int64)
    fresh = requested[number >= len(held.name)]
    directory, dataset = _words(directories(trace), fresh), _words(trace.dataset, fresh)
    return (
        Files(
            tuple(place),
            np.concatenate((held.size, trace.file_size[fresh])),
            held.directory + directory,
            held.dataset + dataset,
        ),
        number[request],
    )


def _words(labels: Labels | None, files: Ints) -> tuple[str, ...]:
    if labels is None:
        return ("",) * len(files)
    return tuple(labels.names[code] for code in labels.code[files])


def _labels(words: Sequence[str]) -> Labels:
    coded = pa.array(words, pa.string()).dictionary_encode()
    return Labels(coded.indices.to_numpy(), tuple(coded.dictionary.to_pylist()))


def _counted(trials: Trials, trace: Trace, accounts: Sequence[Account]) -> Trials:
    """What was counted added, day by day; a day that goes on grows."""
    read = np.flatnonzero(np.diff(trace.day_starts))
    day = np.union1d(trials.day, trace.first_day + read)
    old, new = np.searchsorted(day, trials.day), np.searchsorted(day, trace.first_day + read)

    def sums(before: Ints, column: str) -> Ints:
        total = np.zeros((len(accounts), len(day)), np.int64)
        total[:, old] = before
        total[:, new] += np.array([getattr(account, column)[read] for account in accounts])
        return total

    return replace(
        trials,
        day=day,
        missed=sums(trials.missed, "miss_bytes"),
        written=sums(trials.written, "written_bytes"),
        through_s=int(trace.time_s[-1]),
    )


def _without_idle_files(trials: Trials, files: Files, held: Sequence[Ints]) -> Trials:
    """Only what some cache holds is kept."""
    kept = np.unique(np.concatenate(held))
    return replace(trials, files=files.chosen(kept), held=tuple(np.searchsorted(kept, one) for one in held))
