"""Block traces of virtual machines: vscsiStats files of version 1 and 2, as libCacheSim reads them.

Little-endian, packed. The version is the high byte of ``ver``; times are microseconds; a block is named by its first
logical block number. Only reads (SCSI READ 6, 10, 12, 16) are requests.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from rl_cache.errors import TraceError
from rl_cache.traces.assemble import Sizes, assemble
from rl_cache.traces.binary import arrow_column, open_decompressed, read_records
from rl_cache.traces.trace import Trace

RECORDS = {
    1: np.dtype(
        [("sn", "<u4"), ("len", "<u4"), ("nsg", "<u4"), ("cmd", "<u2"), ("ver", "<u2"), ("lbn", "<u8"), ("ts", "<u8")]
    ),
    2: np.dtype(
        [
            ("cmd", "<u2"),
            ("ver", "<u2"),
            ("sn", "<u4"),
            ("len", "<u4"),
            ("nsg", "<u4"),
            ("lbn", "<u8"),
            ("ts", "<u8"),
            ("rt", "<u8"),
        ]
    ),
}
READ_COMMANDS = (0x08, 0x28, 0xA8, 0x88)
_SMALLEST = 2
"""Records that must agree on the version."""


def read_vscsi(path: Path, sizes: Sizes = Sizes.CONSTANT) -> Trace:
    """The reads of a vscsi trace.

    Raises:
        TraceError: neither version fits, the file ends inside a record, and whatever :func:`assemble` refuses.
    """
    version = _version(path)
    return assemble(_blocks(path, RECORDS[version]), str(path), sizes)


def _version(path: Path) -> int:
    with open_decompressed(path) as stream:
        begin = stream.read(_SMALLEST * max(record.itemsize for record in RECORDS.values()))
    for version, record in sorted(RECORDS.items(), reverse=True):
        rows = np.frombuffer(begin, record, min(_SMALLEST, len(begin) // record.itemsize))
        if len(rows) and (rows["ver"] >> 8 == version).all():
            return version
    raise TraceError(str(path), "version", "neither 1 nor 2", "a vscsi trace is expected")


def _blocks(path: Path, record: np.dtype) -> Iterator[pa.RecordBatch]:
    for records in read_records(path, record):
        reads = np.where(np.isin(records["cmd"], READ_COMMANDS), "read", "other")
        columns = {
            "time": arrow_column((records["ts"] // 1_000_000).astype(np.int64)),
            "file": arrow_column(records["lbn"].astype(np.int64)),
            "size": arrow_column(records["len"].astype(np.int64)),
            "op": pa.array(reads.tolist(), pa.string()),
        }
        yield pa.record_batch(columns)
