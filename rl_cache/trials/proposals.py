"""Suggest rules that a cache can follow today, each tried in shadow on days that it was not made from.

The trace is cut by time. On the earlier part the agent steers a cache, and rules are made from that part: quotas follow
the room that the agent gave to a directory, and datasets that it kept and that were read most are pinned. Directories
of which hardly anything was read again are refused, whatever the agent did with them. On the later part every rule runs
alone over LRU, and is compared with LRU without it.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rl_cache.arrays import Float64
from rl_cache.errors import SimulationError
from rl_cache.laboratory.agent import Agent
from rl_cache.laboratory.simulator import Simulation
from rl_cache.policies.admission.ruled import TargetType, directories, typed_directories
from rl_cache.policies.eviction.scored import ScoredS3Fifo
from rl_cache.policies.eviction.shadowed import cached_files
from rl_cache.traces.trace import LabelColumn, Trace
from rl_cache.trials.shadow import Proposal, RuleKind, Trials, advance
from rl_cache.trials.suggestions import TRIAL_DAYS

LEARN = 0.5
"""Share of the trace that rules are made from."""
_SNAPSHOTS = 50
_REFUSE_BELOW = 0.1
"""A directory of which a smaller share of the bytes was read again is proposed for refusal."""
_MAX_QUOTA = 0.5
"""Share of the capacity: a larger quota would hold nothing back."""
_QUOTA_HEADROOM = 1.25
"""A quota, over what the agent's cache held of the directory."""
_MAX_PINS = 3
_MAX_PINNED = 0.1
"""Share of the capacity: a larger dataset is not pinned."""


class RuleTrials(NamedTuple):
    """Trials of the rules that had an effect, and the rules that had none."""

    trials: Trials
    without_effect: tuple[Proposal, ...]

    @property
    def why_none(self) -> str:
        """Why there is no rule to suggest, where there is none."""
        if self.without_effect:
            rules = ", ".join(f"{proposal.kind} {proposal.target}" for proposal in self.without_effect)
            return f"on the later days each rule that was tried left misses and writes as LRU has them ({rules})"
        return (
            f"on the earlier days at least {_REFUSE_BELOW:.0%} of the bytes of each directory were read again, "
            f"the agent gave each at least {_MAX_QUOTA / _QUOTA_HEADROOM:.0%} of its cache, "
            "and it kept no dataset that was read repeatedly"
        )


def try_rules(trace: Trace, agent: Agent, capacity_bytes: int) -> RuleTrials:
    """Rules made from the earlier days of the trace, tried on the later ones.

    Raises:
        SimulationError: the trace has neither data tiers, nor datasets, nor paths, or fewer than 2 * TRIAL_DAYS days.
    """
    days = len(trace.day_starts) - 1
    if trace.tier is None and trace.directory is None and trace.dataset is None:
        raise SimulationError(
            f"{trace.origin} has neither data tiers nor datasets, and files are not called by their paths; rules need "
            "one of them"
        )
    if days < 2 * TRIAL_DAYS:
        raise SimulationError(f"{trace.origin} has {days} days; suggestions need {2 * TRIAL_DAYS}")
    start = int(trace.day_starts[int(days * LEARN)])
    learned, later = trace.part(0, start), trace.part(start, len(trace))
    trials = Trials.start(propose(learned, agent, capacity_bytes), capacity_bytes)
    trials = advance(advance(trials, learned).without_counts(), later)
    had_effect = [
        trials.saved_bytes(k).any() or trials.written_less_bytes(k).any() for k in range(len(trials.proposals))
    ]
    without_effect = [rule for rule, effect in zip(trials.proposals, had_effect, strict=True) if not effect]
    return RuleTrials(trials.select([k for k, effect in enumerate(had_effect) if effect]), tuple(without_effect))


def propose(trace: Trace, agent: Agent, capacity_bytes: int) -> list[Proposal]:
    """Rules from the reuse on this trace, and from what the agent's cache held."""
    cached_bytes = _cached_bytes(trace, agent.cache_policy(), capacity_bytes)
    labels = directories(trace)
    cached_share = np.bincount(labels.code, cached_bytes, minlength=len(labels.names)) / capacity_bytes
    reuse = _reuse(trace, labels)
    rules = [
        *_refusals(labels, reuse),
        *_quotas(labels, cached_share, reuse),
        *_pins(trace, cached_bytes, capacity_bytes),
    ]
    return [_with_size(rule, trace) for rule in rules]


def _cached_bytes(trace: Trace, policy: ScoredS3Fifo, capacity_bytes: int) -> Float64:
    """Mean bytes of each file in the agent's cache over the later half of the trace."""
    cache = Simulation(trace, policy, capacity_bytes)
    held_bytes = np.zeros(trace.n_files)
    for row in np.linspace(len(trace) // 2, len(trace), _SNAPSHOTS).astype(np.int64):
        cache.advance(int(row))
        files = cached_files(cache.state.cache)
        held_bytes[files] += trace.file_size[files] / _SNAPSHOTS
    return held_bytes


def _with_size(rule: Proposal, trace: Trace) -> Proposal:
    """The rule with what its target is, how many files of it were read, and their size."""
    target_type, labels = typed_directories(trace)
    if rule.kind is RuleKind.PIN and trace.dataset is not None:
        target_type, labels = TargetType.DATASET, trace.dataset
    files = (labels.code == labels.names.index(rule.target)) & (trace.requests > 0)
    size = int(trace.file_size[files].sum())
    return replace(rule, target_type=target_type, target_files=int(files.sum()), target_bytes=size)


def _reuse(trace: Trace, labels: LabelColumn) -> Float64:
    """Share of the bytes read of a directory that were read before, 0 where nothing was read."""
    read = np.bincount(labels.code[trace.file], trace.size, len(labels.names))
    requested = np.unique(trace.file)
    first = np.bincount(labels.code[requested], trace.file_size[requested], len(labels.names))
    reuse: Float64 = np.divide(read - first, read, out=np.zeros(len(read)), where=read > 0)
    return reuse


def _refusals(labels: LabelColumn, reuse: Float64) -> Iterator[Proposal]:
    for code in np.unique(labels.code):
        if reuse[code] < _REFUSE_BELOW:
            yield Proposal(RuleKind.REFUSE, labels.names[code], 0.0, f"{reuse[code]:.0%} of its bytes were read again")


def _quotas(labels: LabelColumn, cached_share: Float64, reuse: Float64) -> Iterator[Proposal]:
    for code in np.unique(labels.code):
        share = float(min(1.0, max(0.01, _QUOTA_HEADROOM * cached_share[code])))
        if share < _MAX_QUOTA:
            reason = (
                f"the agent's cache gave it {cached_share[code]:.1%}; {reuse[code]:.0%} of its bytes were read again"
            )
            yield Proposal(RuleKind.QUOTA, labels.names[code], round(share, 3), reason)


def _pins(trace: Trace, cached_bytes: Float64, capacity_bytes: int) -> Iterator[Proposal]:
    """Datasets that were read most for their size, most of which the agent's cache kept."""
    if trace.dataset is None:
        return
    code, n = trace.dataset.code, len(trace.dataset.names)
    size = np.bincount(code, trace.file_size, n)
    read = np.bincount(code[trace.file], trace.size, n)
    cached_share = np.divide(np.bincount(code, cached_bytes, n), size, out=np.zeros(n), where=size > 0)
    fit = (cached_share > 0.5) & (size < _MAX_PINNED * capacity_bytes)
    times = np.where(fit, np.divide(read, size, out=np.zeros(n), where=size > 0), 0.0)
    for dataset in np.argsort(-times, kind="stable")[:_MAX_PINS]:
        if times[dataset] > 1.0:
            reason = (
                f"read {times[dataset]:.1f} times; the agent's cache cached_share {cached_share[dataset]:.0%} of it"
            )
            yield Proposal(RuleKind.PIN, trace.dataset.names[dataset], 0.0, reason)
