"""What is in a trace, before anything is simulated."""

from dataclasses import dataclass

import numpy as np

from rl_cache.traces.trace import LabelColumn, Trace


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """Figures of a trace.

    Attributes:
        requests: how many.
        files: how many are requested at least once.
        days: calendar days from the first request to the last.
        requested_bytes: sum over requests.
        footprint_bytes: sum over files.
        median_size_bytes: of files.
        largest_size_bytes: of files.
        read_once: share of files that are requested once.
        read_twice: share of files that are requested twice.
        compulsory_byte_miss_ratio: what even an endless cache misses: each file's first request.
        median_reuse_s: median time between two requests for a file, NaN if no file is requested twice.
        datasets: how many datasets, None if the trace does not say.
        sites, tasks, users: how many, None if the trace does not say.
    """

    requests: int
    files: int
    days: int
    requested_bytes: int
    footprint_bytes: int
    median_size_bytes: float
    largest_size_bytes: int
    read_once: float
    read_twice: float
    compulsory_byte_miss_ratio: float
    median_reuse_s: float
    datasets: int | None
    sites: int | None
    tasks: int | None
    users: int | None


def summarize(trace: Trace) -> TraceSummary:
    """The figures of this trace."""
    times = trace.requests
    was_read = times > 0
    sizes = trace.file_size[was_read]
    requested = int(trace.size.sum())
    again = np.flatnonzero(trace.next_access < len(trace))
    gaps = trace.time_s[trace.next_access[again]] - trace.time_s[again]
    return TraceSummary(
        requests=len(trace),
        files=int(was_read.sum()),
        days=len(trace.day_starts) - 1,
        requested_bytes=requested,
        footprint_bytes=trace.footprint_bytes,
        median_size_bytes=float(np.median(sizes)),
        largest_size_bytes=int(sizes.max()),
        read_once=float((times == 1).sum() / was_read.sum()),
        read_twice=float((times == 2).sum() / was_read.sum()),
        compulsory_byte_miss_ratio=trace.footprint_bytes / requested,
        median_reuse_s=float(np.median(gaps)) if len(gaps) else float("nan"),
        datasets=None if trace.dataset is None else len(np.unique(trace.dataset.code[was_read])),
        sites=_names(trace.site),
        tasks=_names(trace.task),
        users=_names(trace.user),
    )


def _names(column: LabelColumn | None) -> int | None:
    """How many occur; the empty one is nobody's."""
    return None if column is None else sum(column.names[code] != "" for code in np.unique(column.code))
