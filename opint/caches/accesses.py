"""A trace of the file accesses that caches report."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from rl_cache.traces.assemble import Sizes, assemble
from rl_cache.traces.trace import Trace
from streams.records import FileAccess

LATE_S = 3600
"""Seconds: an access reported later than this after newer accesses, or from further in the future, is left out."""


def as_trace(accesses: Sequence[FileAccess], through_s: int, now_s: float) -> tuple[Trace | None, int]:
    """These accesses in the order of time, and how many were left out (LATE_S); None if all were.

    ``through_s`` is the time of the newest access before these: what is a little late counts as of then. A file that
    is reported with several sizes has the first.
    """
    kept = list(_timely(accesses, through_s, now_s))
    left_out = len(accesses) - len(kept)
    if not kept:
        return None, left_out
    kept.sort(key=lambda access: access.time)
    columns = {
        "time": pa.array([max(int(access.time), through_s) for access in kept], pa.int64()),
        "file": pa.array([access.file for access in kept], pa.string()),
        "size": pa.array([access.size for access in kept], pa.int64()),
        "dataset": pa.array([access.dataset for access in kept], pa.string()),
        "tier": pa.array([access.tier for access in kept], pa.string()),
    }
    if not any(access.tier for access in kept):
        # Without tiers, datasets are the directories that rules are made for.
        del columns["tier"]
    return assemble([pa.record_batch(columns)], "accesses", Sizes.FIRST), left_out


def _timely(accesses: Sequence[FileAccess], newest_s: float, now_s: float) -> Iterator[FileAccess]:
    for access in accesses:
        if newest_s - LATE_S <= access.time <= now_s + LATE_S:
            newest_s = max(newest_s, access.time)
            yield access
