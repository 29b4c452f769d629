"""Accesses become trials of the stored suggestions: the transaction of ``nightshift cache watch``.

What the accesses do to the caches in the dark, what the suggestions have come to by it, and the offset of the
messages are written together or not at all. Nothing in this module keeps state between transactions.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection

from opint.accesses import as_trace
from opint.consumer.offsets import Clock, ConsumerOffsets
from opint.store import deadletters, suggestions, trials
from opint.store.deadletters import DeadLetter
from opint.store.engine import Store
from opint.store.suggestions import Turned
from rl_cache.errors import TraceError
from rl_cache.suggestion import judged
from rl_cache.traces.trace import DAY_S
from rl_cache.trials import advance
from streams.errors import DecodeError
from streams.records import AccessBatch, FileAccess
from streams.source import Loss, Message, Partition


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message with what it holds, or why it is unusable."""

    message: Message
    outcome: AccessBatch | DecodeError


@dataclass(frozen=True, slots=True)
class Progress:
    """What the accesses to one cache led to.

    Attributes:
        tried: how many accesses were tried.
        left_out: how many came too late, or from the future.
        turned: suggestions whose standing changed.
        trouble: why none could be tried; empty if nothing was wrong.
    """

    tried: int
    left_out: int
    turned: Sequence[Turned] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """What one transaction has stored: the offsets behind the messages, progress by cache, unusable messages.

    ``progress`` is None for a cache that nothing is tried on.
    """

    next_offsets: Mapping[Partition, int] = field(default_factory=dict)
    progress: Mapping[str, Progress | None] = field(default_factory=dict)
    letters: Sequence[DeadLetter] = ()


class CacheTrials:
    """Writes arrivals and losses to the store on behalf of one consumer, ``owner``."""

    def __init__(self, store: Store, group: str, owner: str, clock: Clock, letter_bytes: int) -> None:
        """Keep the collaborators; of an unusable message ``letter_bytes`` are kept."""
        self._store = store
        self._position = ConsumerOffsets(store, group, owner, clock, letter_bytes)
        self._clock = clock

    def claim(self, partitions: Iterable[Partition]) -> dict[Partition, int | None]:
        """Take the partitions over from whoever had them; the next wanted offset of each."""
        return self._position.claim(partitions)

    def apply(self, arrivals: Sequence[Arrival]) -> Tried:
        """Try these accesses; those of messages that were tried before are left alone.

        Raises FencedError if another consumer has taken one of the partitions (nothing is written then)
        and StoreUnavailable if the database is away.
        """
        now_s = self._clock()
        with self._store.begin() as tx:
            wanted = self._position.unprocessed(tx, arrivals)
            letters = [
                self._position.letter(one.message, one.outcome, now_s)
                for one in wanted
                if isinstance(one.outcome, DecodeError)
            ]
            deadletters.add(tx, letters)
            progress = {name: _go_on(tx, name, some, now_s) for name, some in sorted(_by_cache(wanted).items())}
            next_offsets = self._position.advance(tx, arrivals, now_s)
        return Tried(next_offsets, progress, letters)

    def lost(self, loss: Loss) -> None:
        """Raise an incident for messages that the broker no longer holds, and go on at what it has."""
        self._position.lost(loss)


def _by_cache(arrivals: Sequence[Arrival]) -> dict[str, list[FileAccess]]:
    found: dict[str, list[FileAccess]] = defaultdict(list)
    for one in arrivals:
        if isinstance(one.outcome, AccessBatch):
            found[one.outcome.cache] += one.outcome.accesses
    return found


def _go_on(tx: Connection, cache: str, accesses: Sequence[FileAccess], now_s: float) -> Progress | None:
    """Serve these accesses in the dark; at the end of a day see what the suggestions have come to."""
    known = trials.load(tx, cache)
    if known is None:
        return None
    try:
        trace, left_out = as_trace(accesses, known.through_s, now_s)
    except TraceError as error:
        # It would be met again at every start; so it is told and left out.
        return Progress(0, len(accesses), trouble=str(error))
    if trace is None:
        return Progress(0, left_out)
    after = advance(known, trace)
    turned: Sequence[Turned] = ()
    if after.day[-1] > known.through_s // DAY_S:
        # The number of the day seeds the bootstrap, so that the same accesses are judged alike.
        made = judged(after, np.random.default_rng(int(after.day[-1])), len(after.day) - 1)
        turned = suggestions.rejudge(tx, cache, made, now_s)
        after = after.only([number for number, one in enumerate(made) if not one.withdrawn])
    trials.save(tx, cache, after, now_s)
    return Progress(len(trace), left_out, turned)
