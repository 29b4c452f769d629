"""Put a trace together from blocks of rows, so that no source has to be in memory twice."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rl_cache.errors import TraceError
from rl_cache.traces.trace import Labels, Trace

COLUMNS = ("time", "file", "size", "dataset", "tier", "site", "cpu_time", "io_time")
"""What a source may call its columns; all others are ignored."""
_WORDS = ("file", "dataset", "tier", "site")
MOST_REQUESTS = 500_000_000


class Sizes(StrEnum):
    """What to do about a file whose size changes within the trace."""

    CONSTANT = "constant"
    """Refuse the trace."""
    FIRST = "first"
    """The first size stands for all requests."""


def assemble(blocks: Iterable[pa.RecordBatch], origin: str, sizes: Sizes = Sizes.CONSTANT) -> Trace:
    """A trace of these rows. ``file`` must be there.

    Without ``time`` requests are a second apart, without ``size`` every file has one byte. Times are whole or
    fractional seconds, or timestamps; fractions are cut off. A file belongs to the dataset and tier of its first
    request.

    Raises:
        TraceError: no ``file``, missing or unusable values, changing sizes (unless ``sizes`` allows them), too
            many rows, and whatever :class:`Trace` refuses.
    """
    table = _table(blocks, origin)
    if "file" not in table.column_names:
        raise TraceError(origin, "column file", "missing", f"columns are named {', '.join(COLUMNS)}")
    file, file_name = _coded(table, "file", origin)
    first = _first_rows(file, len(file_name))
    return Trace(
        time_s=_seconds(table, origin),
        file=file.astype(np.int64),
        file_size=_file_sizes(table, file, first, file_name, origin, sizes),
        origin=origin,
        file_name=file_name,
        dataset=_labels(table, "dataset", origin, first),
        tier=_labels(table, "tier", origin, first),
        site=_labels(table, "site", origin, slice(None)),
        cpu_s=_floats(table, "cpu_time", origin),
        io_s=_floats(table, "io_time", origin),
    )


def _table(blocks: Iterable[pa.RecordBatch], origin: str) -> pa.Table:
    kept: list[pa.RecordBatch] = []
    rows = 0
    for block in blocks:
        rows += block.num_rows
        if rows > MOST_REQUESTS:
            raise TraceError(origin, "number of requests", f"over {MOST_REQUESTS}", "split the trace")
        kept.append(_compact(block))
    if not rows:
        raise TraceError(origin, "number of requests", 0, "an empty trace cannot be used")
    return pa.Table.from_batches(kept).unify_dictionaries()


def _compact(block: pa.RecordBatch) -> pa.RecordBatch:
    """The columns that are known; words become codes at once, since they are many times as large."""
    names = [name for name in COLUMNS if name in block.schema.names]
    columns = [block.column(name) for name in names]
    coded = [
        column.dictionary_encode() if name in _WORDS and not pa.types.is_dictionary(column.type) else column
        for name, column in zip(names, columns, strict=True)
    ]
    return pa.record_batch(coded, names=names)


def _coded(table: pa.Table, name: str, origin: str) -> tuple[NDArray[np.int32], NDArray[Any]]:
    column = table.column(name).combine_chunks()
    if column.null_count:
        raise TraceError(origin, f"{name} of request {_first_null(column)}", "missing", "fill it in or drop the row")
    return column.indices.to_numpy(), column.dictionary.to_numpy(zero_copy_only=False)


def _first_null(column: pa.Array) -> int:
    return int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])


def _first_rows(file: NDArray[np.int32], n_files: int) -> NDArray[np.int64]:
    first = np.zeros(n_files, np.int64)
    first[file[::-1]] = np.arange(len(file) - 1, -1, -1)
    return first


def _seconds(table: pa.Table, origin: str) -> NDArray[np.int64]:
    if "time" not in table.column_names:
        return np.arange(table.num_rows, dtype=np.int64)
    column = table.column("time").combine_chunks()
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s", column.type.tz), safe=False).cast(pa.int64())
    seconds = _numbers(column, "time", origin)
    return np.floor(seconds).astype(np.int64) if seconds.dtype.kind == "f" else seconds.astype(np.int64)


def _numbers(column: pa.Array, name: str, origin: str) -> NDArray[Any]:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise TraceError(origin, f"column {name}", f"of type {column.type}", "numbers are expected")
    if column.null_count:
        raise TraceError(origin, f"{name} of request {_first_null(column)}", "missing", "fill it in or drop the row")
    numbers: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(~(np.abs(numbers.astype(np.float64)) < 2.0**62))
    if len(wrong):
        raise TraceError(origin, f"{name} of request {wrong[0]}", numbers[wrong[0]], "out of range")
    return numbers


def _file_sizes(
    table: pa.Table,
    file: NDArray[np.int32],
    first: NDArray[np.int64],
    file_name: NDArray[Any],
    origin: str,
    sizes: Sizes,
) -> NDArray[np.int64]:
    if "size" not in table.column_names:
        return np.ones(len(first), np.int64)
    given = _numbers(table.column("size").combine_chunks(), "size", origin)
    found = given.astype(np.int64)
    if (found != given).any():
        row = int(np.flatnonzero(found != given)[0])
        raise TraceError(origin, f"size of request {row}", given[row], "sizes are whole bytes")
    other = np.flatnonzero(found != found[first][file])
    if len(other) and sizes is Sizes.CONSTANT:
        row = int(other[0])
        before = found[first[file[row]]]
        raise TraceError(
            origin,
            f"size of file {file_name[file[row]]} at request {row}",
            f"{found[row]} after {before}",
            "files have one size; Sizes.FIRST (--first-size) keeps the first one",
        )
    return found[first]


def _labels(table: pa.Table, name: str, origin: str, rows: NDArray[np.int64] | slice) -> Labels | None:
    if name not in table.column_names:
        return None
    code, names = _coded(table, name, origin)
    return Labels(code[rows], tuple(str(one) for one in names))


def _floats(table: pa.Table, name: str, origin: str) -> NDArray[np.float64] | None:
    if name not in table.column_names:
        return None
    return _numbers(table.column(name).combine_chunks(), name, origin).astype(np.float64)
