"""A trace: who read which file when, as columns."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rl_cache.arrays import AnyArray, Float64, Int32, Int64
from rl_cache.errors import TraceError

DAY_S = 86_400
MAX_DAYS = 30 * 365
"""A trace longer than thirty years has times in another unit than seconds."""
MAX_TIME_S = 2**36
"""The year 4147: any later time is not in seconds."""
MAX_BYTES = 2**62
"""Four exabytes: sums must stay whole numbers."""
_SLICE_ROWS = 1 << 22
"""Requests that are looked at together, so that a trace on disk is never in memory as a whole."""
_UNITS = {"ms": 10**3, "µs": 10**6, "ns": 10**9}


def read_only(values: AnyArray) -> AnyArray:
    """A view that cannot be written to. As all traces have such arrays, a policy is compiled once for all of them."""
    view = values.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, slots=True, eq=False)
class LabelColumn:
    """A column of names: ``names[code[row]]``; rows are requests or files, as the trace's field says."""

    code: Int32
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", read_only(self.code))

    def select(self, rows: "slice | Int64") -> "LabelColumn":
        """The labels of these rows."""
        return replace(self, code=self.code[rows])


@dataclass(frozen=True, eq=False)
class Trace:
    """Requests in time order: a row each of ``time_s``, ``file``, ``site``, ``task``, ``user``, ``cpu_s`` and ``io_s``.

    Files are numbered 0 .. n_files-1; ``file_size``, ``file_name``, ``dataset``, ``tier`` and ``directory`` have one
    row per file. A part of a trace may hold files that nobody requests. Columns that a source does not have are None.

    Attributes:
        time_s: seconds since 1970 or since the trace's beginning.
        file: the number of the requested file.
        file_size: bytes, constant during the trace.
        origin: where the trace comes from, for messages.
        file_name: what the source calls the file (integers or strings).
        dataset: the dataset that a file belongs to.
        tier: the data tier of a file (RAW, AOD, MINIAOD …).
        directory: of a file, where files are called by their paths.
        site: where the job ran that made the request.
        task: the task that this job belongs to; the empty name where it has none.
        user: who runs it; the empty name where that is unknown.
        cpu_s: CPU time of that job in seconds.
        io_s: time that it waited for input and output, in seconds.
        remarks: for users, on how the source was read.

    Raises:
        TraceError: no request at all, times that run backwards or span more than thirty years, files without a
            size, sizes below one byte, columns of unequal length.
    """

    time_s: Int64
    file: Int64
    file_size: Int64
    origin: str = "trace"
    file_name: AnyArray | None = None
    dataset: LabelColumn | None = None
    tier: LabelColumn | None = None
    directory: LabelColumn | None = None
    site: LabelColumn | None = None
    task: LabelColumn | None = None
    user: LabelColumn | None = None
    cpu_s: Float64 | None = None
    io_s: Float64 | None = None
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for fault in (self._lengths, self._times, self._files, self._sizes, self._labels, self._seconds):
            for field, value, hint in fault():
                raise TraceError(self.origin, field, value, hint)
        for name in ("time_s", "file", "file_size"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def n_files(self) -> int:
        """How many files have a number, requested or not."""
        return len(self.file_size)

    @cached_property
    def size(self) -> Int64:
        """Bytes of each request."""
        return self.file_size[self.file]

    @cached_property
    def requests(self) -> Int64:
        """How often each file is requested."""
        counts = np.zeros(self.n_files, np.int64)
        # bincount copies what cannot be written to.
        for start in range(0, len(self), _SLICE_ROWS):
            counts += np.bincount(self.file[start : start + _SLICE_ROWS], minlength=self.n_files)
        return counts

    @cached_property
    def footprint_bytes(self) -> int:
        """Size of all files together: a cache as large as this never has to evict."""
        return int(self.file_size[self.requests > 0].sum())

    @property
    def first_day(self) -> int:
        """Number of the first day, counted as times are."""
        return int(self.time_s[0] // DAY_S)

    @cached_property
    def day_starts(self) -> Int64:
        """Row of the first request of each day (or of a later one where a day has none), and at the end the length."""
        days = np.arange(self.first_day, self.time_s[-1] // DAY_S + 1)
        return np.append(np.searchsorted(self.time_s, days * DAY_S), len(self)).astype(np.int64)

    @cached_property
    def next_access(self) -> Int64:
        """Row of the next request for the same file, ``len(trace)`` if there is none. The future: for Belady only."""
        order = np.lexsort((np.arange(len(self)), self.file))
        again = self.file[order[:-1]] == self.file[order[1:]]
        next_row = np.full(len(self), len(self), np.int64)
        next_row[order[:-1][again]] = order[1:][again]
        return next_row

    def part(self, start: int, stop: int) -> "Trace":
        """The requests of these rows. Files keep their numbers."""
        return self.select(slice(start, stop))

    def select(self, rows: "slice | Int64") -> "Trace":
        """The requests of these rows, in the order of time. Files keep their numbers."""
        return replace(
            self,
            time_s=self.time_s[rows],
            file=self.file[rows],
            site=None if self.site is None else self.site.select(rows),
            task=None if self.task is None else self.task.select(rows),
            user=None if self.user is None else self.user.select(rows),
            cpu_s=None if self.cpu_s is None else self.cpu_s[rows],
            io_s=None if self.io_s is None else self.io_s[rows],
        )

    def row_at(self, time_s: float) -> int:
        """The first row at or after this time."""
        return int(np.searchsorted(self.time_s, time_s))

    def _lengths(self) -> Iterator[tuple[str, object, str]]:
        if len(self.time_s) == 0:
            yield "number of requests", 0, "an empty trace cannot be used"
        for name in ("file", "site", "task", "user", "cpu_s", "io_s"):
            yield from self._length(name, len(self.time_s))
        for name in ("file_name", "dataset", "tier", "directory"):
            yield from self._length(name, len(self.file_size))

    def _length(self, name: str, expected: int) -> Iterator[tuple[str, object, str]]:
        column = getattr(self, name)
        length = expected if column is None else len(column.code if isinstance(column, LabelColumn) else column)
        if length != expected:
            yield f"length of {name}", length, f"expected {expected}"

    def _times(self) -> Iterator[tuple[str, object, str]]:
        for start in range(0, len(self), _SLICE_ROWS):
            times = self.time_s[start : start + _SLICE_ROWS + 1]
            back = np.flatnonzero(times[1:] < times[:-1])
            if len(back):
                row = start + int(back[0]) + 1
                earlier = f"{self.time_s[row]} after {self.time_s[row - 1]}"
                yield f"time_s of request {row}", earlier, "sort the trace by time"
                break
        latest = int(self.time_s[-1])
        if latest >= MAX_TIME_S:
            unit = next(
                (unit for unit, factor in _UNITS.items() if latest / factor < MAX_TIME_S / 8), "no unit of time"
            )
            yield "time_s of the last request", latest, f"that is in {unit}; times must be in seconds"
        days = (latest - int(self.time_s[0])) // DAY_S
        if days > MAX_DAYS:
            yield "span of time_s", f"{days} days", "nobody has recorded as long: times must be in seconds"

    def _files(self) -> Iterator[tuple[str, object, str]]:
        if int(self.file.min()) < 0 or int(self.file.max()) >= self.n_files:
            yield "file", f"{self.file.min()} .. {self.file.max()}", f"file_size has {self.n_files} rows"

    def _sizes(self) -> Iterator[tuple[str, object, str]]:
        wrong = np.flatnonzero(self.file_size < 1)
        if len(wrong):
            name = wrong[0] if self.file_name is None else self.file_name[wrong[0]]
            yield f"size of file {name}", int(self.file_size[wrong[0]]), "sizes are whole bytes, at least 1"
        requested = float(self.requests @ self.file_size.astype(np.float64))
        if requested >= MAX_BYTES:
            yield "sum of requested bytes", f"{requested:.3g}", "sizes must be in bytes"

    def _labels(self) -> Iterator[tuple[str, object, str]]:
        for name in ("dataset", "tier", "directory", "site", "task", "user"):
            column = getattr(self, name)
            if column is not None and len(column.code):
                low, high = int(column.code.min()), int(column.code.max())
                if low < 0 or high >= len(column.names):
                    yield f"code of {name}", f"{low} .. {high}", f"there are {len(column.names)} names"

    def _seconds(self) -> Iterator[tuple[str, object, str]]:
        for name in ("cpu_s", "io_s"):
            column = getattr(self, name)
            if column is not None and not (np.isfinite(column) & (column >= 0)).all():
                row = int(np.flatnonzero(~(np.isfinite(column) & (column >= 0)))[0])
                yield f"{name} of request {row}", column[row], "seconds are finite and not negative"
