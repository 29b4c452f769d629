"""Suggest rules that a cache can follow today, each tried in the dark on days that it was not made from.

The trace is cut by time. On the earlier part the agent steers a cache, and what it did is put into rules: directories
that it hardly let in are refused, quotas follow the room that it gave to a directory, and datasets that it kept and
that were read most are pinned. On the later part every rule runs alone over LRU, beside LRU without it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from rl_cache.agent import Agent
from rl_cache.errors import SimulationError
from rl_cache.policies.lru import Lru
from rl_cache.policies.ruled import Ruled, Rules, directories
from rl_cache.policies.scored import Scored
from rl_cache.shadow import TRIAL_DAYS, Judgement, Standing, judge
from rl_cache.simulator import Simulation, simulate
from rl_cache.traces.trace import Labels, Trace

Floats = NDArray[np.float64]

_LEARN = 0.5
"""Share of the trace that rules are made from."""
_LOOKS = 50
_REFUSE_BELOW = 0.1
"""A directory is proposed for refusal if less of what was read of it is repeated within the capacity."""
_ROOM = 1.25
"""A quota leaves a directory so much more than the agent's cache held of it."""
_MOST_PINS = 3
_MOST_PINNED = 0.1
_DRAWS = 2000


class Kind(StrEnum):
    """What is asked of a cache."""

    REFUSE = "refuse"
    QUOTA = "quota"
    PIN = "pin"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One rule, what it is expected to save, and why.

    Attributes:
        kind: what is asked.
        target: the directory or dataset.
        share: of the capacity, for a quota; 0 for others.
        saved_bytes_per_day: bytes a day that LRU would have had to read from afar, less those under the rule.
        low, high: its 95% interval, bootstrapped over the days of the trial.
        written_bytes_per_day: bytes a day that are written less.
        reason: for people.
        judgement: of the trial in the dark.
    """

    kind: Kind
    target: str
    share: float
    saved_bytes_per_day: float
    low: float
    high: float
    written_bytes_per_day: float
    reason: str
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule before its trial."""

    kind: Kind
    target: str
    share: float
    reason: str

    @property
    def rules(self) -> Rules:
        """The rule alone."""
        if self.kind is Kind.REFUSE:
            return Rules(refused=frozenset({self.target}))
        if self.kind is Kind.QUOTA:
            return Rules(quotas={self.target: self.share})
        return Rules(pinned=frozenset({self.target}))


def suggest(trace: Trace, agent: Agent, capacity_bytes: int, rng: Generator) -> list[Suggestion]:
    """Suggestions, the greatest saving first; those that did worse than LRU are in it, withdrawn.

    Rules that change nothing are left out. A rule whose interval includes zero stays on trial.

    Raises:
        SimulationError: the trace has neither data tiers nor datasets, or fewer than 2 * TRIAL_DAYS days.
    """
    days = len(trace.day_starts) - 1
    if trace.tier is None and trace.dataset is None:
        raise SimulationError(f"{trace.origin} has neither data tiers nor datasets; rules need one of them")
    if days < 2 * TRIAL_DAYS:
        raise SimulationError(f"{trace.origin} has {days} days; suggestions need {2 * TRIAL_DAYS}")
    learned = int(days * _LEARN)
    start = int(trace.day_starts[learned])
    proposals = propose(trace.part(0, start), agent, capacity_bytes)
    lru = simulate(trace, Lru(), capacity_bytes, warm_up=start)
    made = []
    for proposal in proposals:
        tried = simulate(trace, Ruled(proposal.rules), capacity_bytes, warm_up=start)
        saved = (lru.miss_bytes - tried.miss_bytes)[learned:].astype(np.float64)
        less = (lru.written_bytes - tried.written_bytes)[learned:].astype(np.float64)
        if saved.any() or less.any():
            made.append(_suggestion(proposal, saved, float(less.mean()), rng))
    return sorted(made, key=lambda suggestion: -suggestion.saved_bytes_per_day)


def propose(trace: Trace, agent: Agent, capacity_bytes: int) -> list[Proposal]:
    """Rules that follow from what the agent's cache held and served on this trace."""
    held = _held(trace, agent.scored(), capacity_bytes)
    labels = directories(trace)
    room = np.bincount(labels.code, held, minlength=len(labels.names)) / capacity_bytes
    reuse = _reuse(trace, labels)
    return [*_refusals(labels, reuse), *_quotas(labels, room, reuse), *_pins(trace, held, capacity_bytes)]


def _held(trace: Trace, policy: Scored, capacity_bytes: int) -> Floats:
    """Mean bytes of each file in the agent's cache over the later half of the trace."""
    cache = Simulation(trace, policy, capacity_bytes)
    held = np.zeros(trace.n_files)
    for row in np.linspace(len(trace) // 2, len(trace), _LOOKS).astype(np.int64):
        cache.advance(int(row))
        pool = cache.state.pool
        files = pool.file[: pool.length[0]]
        held[files] += trace.file_size[files] / _LOOKS
    return held


def _reuse(trace: Trace, labels: Labels) -> Floats:
    """Share of the bytes read of a directory that were read before, 0 where nothing was read."""
    read = np.bincount(labels.code[trace.file], trace.size, len(labels.names))
    once = np.unique(trace.file)
    first = np.bincount(labels.code[once], trace.file_size[once], len(labels.names))
    reuse: Floats = np.divide(read - first, read, out=np.zeros(len(read)), where=read > 0)
    return reuse


def _refusals(labels: Labels, reuse: Floats) -> Iterator[Proposal]:
    for code in np.unique(labels.code):
        if reuse[code] < _REFUSE_BELOW:
            yield Proposal(Kind.REFUSE, labels.names[code], 0.0, f"{reuse[code]:.0%} of its bytes were read again")


def _quotas(labels: Labels, room: Floats, reuse: Floats) -> Iterator[Proposal]:
    for code in np.unique(labels.code):
        share = float(min(1.0, max(0.01, _ROOM * room[code])))
        if share < 0.5:
            reason = f"the agent's cache gave it {room[code]:.1%}; {reuse[code]:.0%} of its bytes were read again"
            yield Proposal(Kind.QUOTA, labels.names[code], round(share, 3), reason)


def _pins(trace: Trace, held: Floats, capacity_bytes: int) -> Iterator[Proposal]:
    """Datasets that were read most for their size, among those that the agent's cache kept for the most part."""
    if trace.dataset is None:
        return
    code, n = trace.dataset.code, len(trace.dataset.names)
    size = np.bincount(code, trace.file_size, n)
    read = np.bincount(code[trace.file], trace.size, n)
    kept = np.divide(np.bincount(code, held, n), size, out=np.zeros(n), where=size > 0)
    fit = (kept > 0.5) & (size < _MOST_PINNED * capacity_bytes)
    times = np.where(fit, np.divide(read, size, out=np.zeros(n), where=size > 0), 0.0)
    for dataset in np.argsort(-times, kind="stable")[:_MOST_PINS]:
        if times[dataset] > 1.0:
            reason = f"read {times[dataset]:.1f} times; the agent's cache kept {kept[dataset]:.0%} of it"
            yield Proposal(Kind.PIN, trace.dataset.names[dataset], 0.0, reason)


def _suggestion(proposal: Proposal, saved: Floats, written: float, rng: Generator) -> Suggestion:
    means = rng.choice(saved, (_DRAWS, len(saved))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    judgement = judge(saved.tolist())
    if judgement.standing is Standing.ACTIVE and low <= 0:
        judgement = Judgement(Standing.ON_TRIAL, "the interval of its saving includes zero")
    return Suggestion(
        proposal.kind,
        proposal.target,
        proposal.share,
        float(saved.mean()),
        float(low),
        float(high),
        written,
        proposal.reason,
        judgement,
    )
