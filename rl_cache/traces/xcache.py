"""Records of XCache and XRootD as traces, JSON with one object a line.

* closed files of XCache's g-stream, and ``xrdpfc_print -j`` of ``.cinfo`` files;
* closed files of XRootD's f-stream, as opensciencegrid/xrootd-monitoring-collector puts them on message queues
  (``filename``, ``filesize``, ``start_time`` in ms), and in the form that it makes of them for WLCG
  (``file_lfn``, ``file_size``, times in s). These name the user.

Other lines, such as headers of packets, are passed over and counted. A request is one opening of a file. What cannot be
right is said in the trace's remarks: some versions of XCache report no missed bytes for files that were just fetched
(PelicanPlatform/pelican issue 1008).
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
from rl_cache.traces.directories import dataset_of, directory_of
from rl_cache.traces.trace import Trace

MAX_LINE_BYTES = 1 << 20
_KIB = 1024
_FIRST_MS = 100_000_000_000
"""From here on a time is in ms since 1970: in s it would be after the year 5138."""


@dataclass(slots=True)
class Report:
    """What was read, one element an opening of a file; and what was odd.

    Attributes:
        time, file, size, user: seconds, paths, bytes, and who read, empty where unknown.
        hit, missed, bypassed: bytes that were read from disk, through the cache, and past it.
        sent: bytes that were read of a server which is no cache, or does not name their origin.
        written_files: files that were written and not read.
        unnamed: closed files whose opening the collector has missed, so that their names are not known.
        passed_over: lines that are none of these records.
        impossible: openings of a file that was never there before and that report no missed byte.
        merged: accesses of ``.cinfo`` files that are no longer listed one by one.
    """

    time: list[int] = field(default_factory=list)
    file: list[str] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    user: list[str] = field(default_factory=list)
    sent: int = 0
    written_files: int = 0
    unnamed: int = 0
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
        through, opened = self.hit + self.missed + self.bypassed, sum(self.size)
        if through:
            yield f"the cache had {self.hit / through:.1%} of the bytes that jobs read"
        if opened and (read := through + self.sent):
            yield f"jobs read {read / opened:.1%} of the bytes of files that they opened; requests count whole files"
        if self.written_files:
            yield f"{self.written_files:,} files were written and not read, which is no request"
        if self.unnamed:
            yield f"{self.unnamed:,} closed files have no name, since the collector missed their opening"
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
        hint = "expected lines of XCache's g-stream (event file_close), of xrdpfc_print -j, or of XRootD's f-stream"
        raise TraceError(str(path), "records of accesses", "none", hint)
    order = sorted(range(len(report.time)), key=report.time.__getitem__)
    file = [report.file[row] for row in order]
    columns = {
        "time": pa.array([report.time[row] for row in order], pa.int64()),
        "file": pa.array(file, pa.string()),
        "size": pa.array([report.size[row] for row in order], pa.int64()),
        "dataset": pa.array([dataset_of(name) or directory_of(name) for name in file], pa.string()),
    }
    if any(report.user):
        columns["user"] = pa.array([report.user[row] for row in order], pa.string())
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
    elif "start_time" in record and ("filename" in record or "file_lfn" in record):
        _take_transfer(report, record, origin)
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


def _take_transfer(report: Report, record: Mapping[str, Any], origin: str) -> None:
    """A closed file of the f-stream: the collector's own form, or WLCG's."""
    if "file_lfn" in record:
        # The collector writes the size under a name with a slip of the pen.
        name, size = "file_lfn", "fize_size" if "fize_size" in record else "file_size"
        sent = _number(record, "read_bytes", origin)
    else:
        name, size = "filename", "filesize"
        sent = _number(record, "read", origin) + _number(record, "readv", origin)
    if not sent and record.get("write"):
        report.written_files += 1
    elif not str(record[name]).startswith("/"):
        report.unnamed += 1
    else:
        start = _number(record, "start_time", origin)
        user = record.get("user_dn") or record.get("user") or ""
        path, size_bytes = _path(record, name, origin), _number(record, size, origin)
        _add(report, start // 1000 if start >= _FIRST_MS else start, path, size_bytes, (0, 0, 0), str(user))
        report.sent += sent


def _add(report: Report, time_s: int, name: str, size: int, read: tuple[int, int, int], user: str = "") -> None:
    report.user.append(user)
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
