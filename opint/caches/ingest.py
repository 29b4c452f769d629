"""Accesses become trials of the stored suggestions: the transaction of ``nightshift cache watch``.

What the accesses do to the caches in shadow, what the suggestions have come to by it, and the offset of the
messages are written together or not at all. Nothing in this module keeps state between transactions.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from opint.consumer.transaction import StreamIngest
from opint.store import placement, suggestions, trials
from opint.store.deadletters import DeadLetter
from opint.store.suggestions import StatusChange
from rl_cache.errors import TraceError
from rl_cache.traces.assemble import Sizes, assemble
from rl_cache.traces.trace import DAY_S, Trace
from rl_cache.trials.shadow import advance
from rl_cache.trials.suggestions import TrialStatus, judge_trials
from streams.errors import DecodeError
from streams.records import AccessBatch, FileAccess
from streams.source import Message, Partition

LATE_S = 3600
"""Seconds: an access reported later than this after newer accesses, or from further in the future, is left out."""


def as_trace(accesses: Sequence[FileAccess], through_s: int, now_s: float) -> tuple[Trace | None, int]:
    """These accesses in the order of time, and how many were left out (LATE_S); None if all were.

    ``through_s`` is the time of the newest access before these: what is a little late counts as of then. A file that
    is reported with several sizes has the first.
    """
    timely = list(_timely(accesses, through_s, now_s))
    left_out = len(accesses) - len(timely)
    if not timely:
        return None, left_out
    timely.sort(key=lambda access: access.time)
    columns = {
        "time": pa.array([max(int(access.time), through_s) for access in timely], pa.int64()),
        "file": pa.array([access.file for access in timely], pa.string()),
        "size": pa.array([access.size for access in timely], pa.int64()),
        "dataset": pa.array([access.dataset for access in timely], pa.string()),
        "tier": pa.array([access.tier for access in timely], pa.string()),
    }
    if not any(access.tier for access in timely):
        # Without tiers, datasets are the directories that rules are made for.
        del columns["tier"]
    return assemble([pa.record_batch(columns)], "accesses", Sizes.FIRST), left_out


def _timely(accesses: Sequence[FileAccess], newest_s: float, now_s: float) -> Iterator[FileAccess]:
    for access in accesses:
        if newest_s - LATE_S <= access.time <= now_s + LATE_S:
            newest_s = max(newest_s, access.time)
            yield access


@dataclass(frozen=True, slots=True)
class AccessArrival:
    """A message with what it holds, or why it is unusable."""

    message: Message
    outcome: AccessBatch | DecodeError

    @property
    def accesses(self) -> int:
        """How many accesses it holds."""
        return 0 if isinstance(self.outcome, DecodeError) else len(self.outcome.accesses)


@dataclass(frozen=True, slots=True)
class TrialProgress:
    """What the accesses to one cache led to.

    Attributes:
        served: how many accesses the caches in shadow served.
        left_out: how many came too late, or from the future.
        status_changes: suggestions whose status changed.
        error: why none could be served; empty if nothing was wrong.
    """

    served: int
    left_out: int
    status_changes: Sequence[StatusChange] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class AccessIngestResult:
    """What one transaction has stored: the offsets behind the messages, progress by cache, unusable messages.

    ``progress`` is None for a cache that nothing is tried on.
    """

    next_offsets: Mapping[Partition, int]
    progress: Mapping[str, TrialProgress | None]
    letters: Sequence[DeadLetter]


class AccessIngest(StreamIngest):
    """Writes what accesses lead to, and data losses, to the store on behalf of one consumer."""

    def apply(self, arrivals: Sequence[AccessArrival]) -> AccessIngestResult:
        """Serve these accesses in shadow; messages that were applied before are skipped.

        Raises as :meth:`transaction`.
        """
        with self.transaction(arrivals) as poll:
            progress = {
                cache: _advance_trials(poll.tx, cache, accesses, poll.now_s)
                for cache, accesses in sorted(_by_cache(poll.arrivals).items())
            }
        return AccessIngestResult(poll.next_offsets, progress, poll.letters)


def _by_cache(arrivals: Sequence[AccessArrival]) -> dict[str, list[FileAccess]]:
    accesses: dict[str, list[FileAccess]] = defaultdict(list)
    for arrival in arrivals:
        if isinstance(arrival.outcome, AccessBatch):
            accesses[arrival.outcome.cache] += arrival.outcome.accesses
    return accesses


def _advance_trials(tx: Connection, cache: str, accesses: Sequence[FileAccess], now_s: float) -> TrialProgress | None:
    """Serve these accesses in shadow; at the end of a day judge what the suggestions have come to."""
    before = trials.load(tx, cache)
    if before is None:
        return None
    try:
        trace, left_out = as_trace(accesses, before.through_s, now_s)
    except TraceError as error:
        # It would be met again at every start; so it is reported and left out.
        return TrialProgress(0, len(accesses), error=str(error))
    if trace is None:
        return TrialProgress(0, left_out)
    after = advance(before, trace)
    status_changes: Sequence[StatusChange] = ()
    if after.day[-1] > before.through_s // DAY_S:
        # The number of the day seeds the bootstrap, so that the same accesses are judged alike.
        judged = judge_trials(after, np.random.default_rng(int(after.day[-1])), len(after.day) - 1)
        status_changes = suggestions.rejudge(tx, cache, judged, now_s)
        for change in status_changes:
            if change.status == TrialStatus.WITHDRAWN:
                placement.withdraw_agent_line(tx, cache, change.target, change.reason)
        after = after.select([number for number, suggestion in enumerate(judged) if not suggestion.withdrawn])
    trials.save(tx, cache, after, now_s)
    return TrialProgress(len(trace), left_out, status_changes)
