"""XCache's own records as traces: closed files of the g-stream, and ``xrdpfc_print -j`` of ``.cinfo`` files.

Both are JSON, one object a line; other lines, such as headers of packets, are passed over and counted. A request is one
opening of a file. What cannot be right is said in the trace's remarks: some versions report no missed bytes for files
that were just fetched (PelicanPlatform/pelican issue 1008).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from rl_cache.errors import TraceError
from rl_cache.traces.assemble import Sizes, assemble
from rl_cache.traces.binary import open_decompressed
from rl_cache.traces.paths import dataset_of, directory_of
from rl_cache.traces.trace import Trace

MAX_LINE_BYTES = 1 << 20
_KIB = 1024


@dataclass(slots=True)
class Report:
    """What was read, one element an opening of a file; and what was odd.

    Attributes:
        time, file, size: seconds, paths, bytes.
        hit, missed, bypassed: bytes that were read from disk, through the cache, and past it.
        passed_over: lines that are none of these records.
        impossible: openings of a file that was never there before and that report no missed byte.
        merged: accesses of ``.cinfo`` files that are not told one by one any more.
    """

    time: list[int] = field(default_factory=list)
    file: list[str] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    hit: int = 0
    missed: int = 0
    bypassed: int = 0
    passed_over: int = 0
    impossible: int = 0
    merged: int = 0

    def remarks(self) -> Iterator[str]:
        """For users."""
        if self.passed_over:
            yield f"{self.passed_over:,} lines are no records of accesses and were passed over"
        read, opened = self.hit + self.missed + self.bypassed, sum(self.size)
        if read and opened:
            yield f"the cache had {self.hit / read:.1%} of the bytes that jobs read"
            yield f"jobs read {read / opened:.1%} of the bytes of files that they opened; requests count whole files"
        if self.impossible:
            yield (
                f"{self.impossible:,} files were opened for the first time and report no missed byte (b_miss is 0): a "
                "known fault of XCache; the share of hits is too high"
            )
        if self.merged:
            yield f"{self.merged:,} earlier accesses were merged by XCache and are not in the trace"


def read_xcache(path: Path, sizes: Sizes = Sizes.FIRST) -> Trace:
    """The trace in a file of such records, in the order of time; sizes may change, since files are rewritten.

    Raises:
        TraceError: the file has no such record, a record lacks a field or has a wrong one, or its lines are too long.
    """
    del sizes
    report = Report()
    with open_decompressed(path) as stream:
        number = 0
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise TraceError(str(path), f"line {number}", f"over {MAX_LINE_BYTES} bytes", "one record a line")
            _take(report, line, f"{path}: line {number}")
    if not report.time:
        hint = "expected lines with event file_close of XCache's g-stream, or of xrdpfc_print -j"
        raise TraceError(str(path), "records of accesses", "none", hint)
    order = sorted(range(len(report.time)), key=report.time.__getitem__)
    file = [report.file[row] for row in order]
    columns = {
        "time": pa.array([report.time[row] for row in order], pa.int64()),
        "file": pa.array(file, pa.string()),
        "size": pa.array([report.size[row] for row in order], pa.int64()),
        "dataset": pa.array([dataset_of(name) or directory_of(name) for name in file], pa.string()),
    }
    return assemble([pa.record_batch(columns)], str(path), Sizes.FIRST, tuple(report.remarks()))


def _take(report: Report, line: bytes, origin: str) -> None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = None
    if not isinstance(record, dict):
        report.passed_over += bool(line.strip())
    elif record.get("event") == "file_close":
        _take_closed_file(report, record, origin)
    elif isinstance(record.get("accesses"), list) and "file_size" in record:
        _take_cinfo(report, record, origin)
    elif "dirstate_snapshot" in record:
        raise TraceError(
            origin,
            "record",
            "dirstate_snapshot",
            "it holds no accesses; see `nightshift cache directories`",
        )
    else:
        report.passed_over += 1


def _take_closed_file(report: Report, record: Mapping[str, Any], origin: str) -> None:
    hit, missed, bypassed = (_number(record, name, origin) for name in ("b_hit", "b_miss", "b_bypass"))
    name, size = _path(record, "lfn", origin), _number(record, "size", origin)
    _add(report, _number(record, "attach_t", origin), name, size, (hit, missed, bypassed))
    first = record.get("access_cnt") == 1
    report.impossible += first and not missed and hit > 0


def _take_cinfo(report: Report, record: Mapping[str, Any], origin: str) -> None:
    """Sizes and bytes are in KiB, cut off; times are those of the server's clock and taken as UTC."""
    name = _path(record, "file", origin).removesuffix(".cinfo")
    size = _KIB * _number(record, "file_size", origin)
    accesses = record["accesses"]
    for access in accesses:
        if not isinstance(access, dict):
            raise TraceError(origin, "accesses", access, "an object for each access is expected")
        read = [_KIB * _number(access, f"B_{kind}[kB]", origin) for kind in ("hit", "miss", "bypass")]
        _add(report, _moment(access.get("attach"), origin), name, size, (read[0], read[1], read[2]))
    report.merged += max(0, _number(record, "n_acc_total", origin) - len(accesses))


def _add(report: Report, time_s: int, name: str, size: int, read: tuple[int, int, int]) -> None:
    report.time.append(time_s)
    report.file.append(name)
    report.size.append(max(1, size))
    report.hit += read[0]
    report.missed += read[1]
    report.bypassed += read[2]


def _number(record: Mapping[str, Any], name: str, origin: str) -> int:
    value = record.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TraceError(origin, name, "missing" if value is None else value, "a whole number from 0 on is expected")
    return value


def _path(record: Mapping[str, Any], name: str, origin: str) -> str:
    value = record.get(name)
    if not isinstance(value, str) or not value.strip("/"):
        raise TraceError(origin, name, "missing" if value is None else value, "the path of a file is expected")
    return "/" + value.lstrip("/")


def _moment(text: object, origin: str) -> int:
    try:
        return int(datetime.strptime(str(text), "%y%m%d:%H%M%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise TraceError(origin, "attach", text, "a time such as 240328:204746 is expected") from None
