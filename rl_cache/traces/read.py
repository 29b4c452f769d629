"""Read a trace from a file in whatever format its name says, compressed or not; other packages may add formats.

A record of libCacheSim's oracleGeneral has 24 bytes, little-endian, packed: u32 time in seconds, u64 file, u32 size in
bytes, i64 row of the next request. The last is not taken from the file but computed where it is needed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from rl_cache.errors import TraceError
from rl_cache.extensions import extensions
from rl_cache.traces.assemble import Sizes, assemble
from rl_cache.traces.binary import arrow_column, open_decompressed, read_records
from rl_cache.traces.columns import COLUMNS, column_remarks, select_columns, to_text
from rl_cache.traces.on_disk import assemble_on_disk
from rl_cache.traces.trace import Trace
from rl_cache.traces.vscsi import read_vscsi
from rl_cache.traces.xcache import read_xcache

RECORD = np.dtype([("time", "<u4"), ("file", "<u8"), ("size", "<u4"), ("next", "<i8")])
ON_DISK_BYTES = 1 << 29
"""A longer file, of some twenty million requests, is not read into memory."""
_BLOCK_BYTES = 1 << 24
_BLOCK_ROWS = 1 << 20
_HEADER_BYTES = 1 << 20
_NO_TEXT = {
    b"BZh": "compressed by bzip2",
    b"\x04\x22\x4d\x18": "compressed by LZ4",
    b"PK\x03\x04": "a zip archive",
    b"\xff\xfe": "in UTF-16",
    b"\xfe\xff": "in UTF-16",
}


def read(path: Path, sizes: Sizes = Sizes.CONSTANT) -> Trace:
    """The trace in this file; TraceError if no reader knows its name or the content cannot be used."""
    readers = READERS | extensions("nightshift.trace_readers")
    for suffix in path.suffixes:
        if reader := readers.get(suffix.lower()):
            trace: Trace = reader(path, sizes)
            return trace
    formats = "x.csv, x.parquet, x.oracleGeneral, x.vscsi or x.jsonl of XCache, also with .gz, .zst or .xz"
    raise TraceError(str(path), "name", path.name, f"say what it is: {formats}")


def read_csv(path: Path, sizes: Sizes = Sizes.CONSTANT) -> Trace:
    """The trace in a CSV file: a line of column names, then one request a line; errors as of :func:`assemble`."""
    with open_decompressed(path) as stream, _csv_errors(path):
        begin = stream.read(_HEADER_BYTES)
        _check_begin(begin, path)
        header = begin.splitlines(keepends=True)[:1]
        names = list(csv.read_csv(pa.BufferReader(b"".join(header))).column_names)
    return assemble(_csv_blocks(path, select_columns(names, str(path))), str(path), sizes, column_remarks(names))


def _csv_blocks(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """All columns as text: what a value means must not depend on the block that it stands in."""
    raw_bytes = csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.binary()), include_columns=columns, strings_can_be_null=False
    )
    rows = 0
    with open_decompressed(path) as stream, _csv_errors(path):
        options = csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False)
        for block in csv.open_csv(stream, options, None, raw_bytes):
            texts = [to_text(block.column(name), name, str(path), rows) for name in columns]
            yield pa.record_batch(texts, names=columns)
            rows += block.num_rows


def _check_begin(begin: bytes, path: Path) -> None:
    what = next((name for magic, name in _NO_TEXT.items() if begin.startswith(magic)), "" if begin else "empty")
    if what:
        hint = "text in UTF-8 is needed, plain or compressed by gzip, Zstandard or xz"
        raise TraceError(str(path), "content", what, hint)


@contextmanager
def _csv_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise TraceError(str(path), "line of column names", error.object[:40], "write the text in UTF-8") from None
    except pa.ArrowInvalid as error:
        if "CSV" not in str(error):
            raise
        hint = f"expected a line of names such as {', '.join(COLUMNS[:3])} and as many values in each line after it"
        raise TraceError(str(path), "content", error, hint) from None


def read_parquet(path: Path, sizes: Sizes = Sizes.CONSTANT) -> Trace:
    """The trace in a Parquet file; columns and errors as of :func:`assemble`."""
    try:
        with path.open("rb") as stream, parquet.ParquetFile(stream) as source:
            names = source.schema_arrow.names
            blocks = source.iter_batches(_BLOCK_ROWS, columns=select_columns(names, str(path)))
            return assemble(blocks, str(path), sizes, column_remarks(names))
    except (OSError, pa.ArrowException) as error:
        raise TraceError(
            str(path), "content", f"unreadable: {error}", "check that it is a whole Parquet file"
        ) from None


def read_oracle_general(path: Path, sizes: Sizes = Sizes.CONSTANT) -> Trace:
    """The trace in a file of libCacheSim's format.

    Raises:
        TraceError: the file ends inside a record, and whatever :func:`assemble` refuses.
    """
    if path.is_file() and path.stat().st_size >= ON_DISK_BYTES:
        return assemble_on_disk(read_records(path, RECORD), str(path), sizes)
    return assemble(_oracle_general_blocks(path), str(path), sizes)


def _oracle_general_blocks(path: Path) -> Iterator[pa.RecordBatch]:
    for records in read_records(path, RECORD):
        yield pa.record_batch({name: arrow_column(records[name]) for name in ("time", "file", "size")})


READERS: dict[str, Callable[[Path, Sizes], Trace]] = {
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".oraclegeneral": read_oracle_general,
    ".vscsi": read_vscsi,
    ".json": read_xcache,
    ".jsonl": read_xcache,
    ".ndjson": read_xcache,
}
"""By a part of the name, so that ``x.oracleGeneral.bin.zst`` is found as well."""
