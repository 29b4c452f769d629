"""File accesses as they travel to and from traces as the cache laboratory reads them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from conf.settings import Settings
from rl_cache.traces.assemble import Sizes, assemble
from rl_cache.traces.trace import Labels, Trace
from streams.codecs.accesses import AccessLimits
from streams.records import AccessBatch, FileAccess

LATE_S = 3600
"""An access that is reported so much after later ones is left out, as is one from so far in the future, s."""
PER_MESSAGE = 2000
"""Accesses in one message: written as JSON they stay below 1 MB, the most that brokers take by default."""


def as_trace(accesses: Sequence[FileAccess], through_s: int, now_s: float) -> tuple[Trace | None, int]:
    """These accesses in the order of time, and how many were left out (LATE_S); None if all were.

    ``through_s`` is the time of the newest access before these: what is a little late counts as of then. A file that
    is reported with several sizes has the first.
    """
    kept = list(_timely(accesses, through_s, now_s))
    left_out = len(accesses) - len(kept)
    if not kept:
        return None, left_out
    kept.sort(key=lambda one: one.time)
    columns = {
        "time": pa.array([max(int(one.time), through_s) for one in kept], pa.int64()),
        "file": pa.array([one.file for one in kept], pa.string()),
        "size": pa.array([one.size for one in kept], pa.int64()),
        "dataset": pa.array([one.dataset for one in kept], pa.string()),
        "tier": pa.array([one.tier for one in kept], pa.string()),
    }
    if not any(one.tier for one in kept):
        # Without tiers, datasets are the directories that rules are made for.
        del columns["tier"]
    return assemble([pa.record_batch(columns)], "accesses", Sizes.FIRST), left_out


def _timely(accesses: Sequence[FileAccess], newest_s: float, now_s: float) -> Iterator[FileAccess]:
    for one in accesses:
        if newest_s - LATE_S <= one.time <= now_s + LATE_S:
            newest_s = max(newest_s, one.time)
            yield one


def as_batches(trace: Trace, cache: str, per_message: int = PER_MESSAGE) -> Iterator[AccessBatch]:
    """The requests of a trace as a cache would report them, in messages of so many."""
    for start in range(0, len(trace), per_message):
        part = trace.part(start, start + per_message)
        yield AccessBatch(cache, tuple(_accesses(part)))


def _accesses(trace: Trace) -> Iterator[FileAccess]:
    names = trace.file if trace.file_name is None else trace.file_name[trace.file]
    dataset, tier = (_words(column, trace.file, len(trace)) for column in (trace.dataset, trace.tier))
    site = _words(trace.site, np.arange(len(trace)), len(trace))
    cpu, io = ([None] * len(trace) if one is None else one.tolist() for one in (trace.cpu_s, trace.io_s))
    for row in range(len(trace)):
        yield FileAccess(
            time=float(trace.time_s[row]),
            file=str(names[row]),
            dataset=dataset[row],
            size=int(trace.size[row]),
            site=site[row],
            cpu_time=cpu[row],
            io_time=io[row],
            tier=tier[row],
        )


def _words(labels: Labels | None, rows: np.typing.NDArray[np.int64], n: int) -> Sequence[str]:
    return [""] * n if labels is None else [labels.names[code] for code in labels.code[rows]]


def limits_of(settings: Settings) -> AccessLimits:
    """The limits on what comes from outside."""
    return AccessLimits(settings.stream.max_message_bytes, settings.cache.max_accesses)
