"""Put a trace together from blocks of rows, so that no source has to be in memory twice."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rl_cache.errors import TraceError
from rl_cache.traces.columns import NUMBERS, chosen, codes, from_text, numbers, seconds
from rl_cache.traces.operations import only_reads
from rl_cache.traces.trace import Labels, Trace

MOST_REQUESTS = 500_000_000


class Sizes(StrEnum):
    """What to do about a file whose size changes within the trace."""

    CONSTANT = "constant"
    """Refuse the trace."""
    FIRST = "first"
    """The first size stands for all requests."""


def assemble(
    blocks: Iterable[pa.RecordBatch], origin: str, sizes: Sizes = Sizes.CONSTANT, remarks: tuple[str, ...] = ()
) -> Trace:
    """A trace of these rows. ``file`` must be there.

    Without ``time`` requests are a second apart, without ``size`` every file has one byte. Times are whole or
    fractional seconds, or timestamps; fractions are cut off. A file belongs to the dataset and tier of its first
    request. Where a column says what was done, only reads are requests.

    Raises:
        TraceError: no ``file``, missing or unusable values, changing sizes (unless ``sizes`` allows them), too
            many rows, and whatever :class:`Trace` refuses.
    """
    table, left_out = only_reads(_table(blocks, origin), origin)
    file, file_name = codes(table.column("file").combine_chunks(), "file", origin)
    first = _first_rows(file, len(file_name))
    return Trace(
        time_s=_times(table, origin),
        file=file.astype(np.int64),
        file_size=_file_sizes(table, file, first, file_name, origin, sizes),
        origin=origin,
        file_name=file_name,
        dataset=_labels(table, "dataset", origin, first),
        tier=_labels(table, "tier", origin, first),
        site=_labels(table, "site", origin, slice(None)),
        cpu_s=_floats(table, "cpu_time", origin),
        io_s=_floats(table, "io_time", origin),
        remarks=(*remarks, *left_out),
    )


def _table(blocks: Iterable[pa.RecordBatch], origin: str) -> pa.Table:
    tables = [pa.Table.from_batches([block]) for block in _compact(blocks, origin)]
    if not sum(table.num_rows for table in tables):
        raise TraceError(origin, "number of requests", 0, "an empty trace cannot be used")
    return _joined(tables, origin).unify_dictionaries()


def _compact(blocks: Iterable[pa.RecordBatch], origin: str) -> Iterator[pa.RecordBatch]:
    """The columns that are known; words become codes at once, since they are many times as large."""
    rows = 0
    for block in blocks:
        names = chosen(block.schema.names, origin)
        yield pa.record_batch([_encoded(block.column(name), name, origin, rows) for name in names], names=names)
        rows += block.num_rows
        if rows > MOST_REQUESTS:
            raise TraceError(origin, "number of requests", f"over {MOST_REQUESTS}", "split the trace")


def _encoded(column: pa.Array, name: str, origin: str, row: int) -> pa.Array:
    if pa.types.is_nested(column.type):
        raise TraceError(origin, f"column {name}", f"of type {column.type}", "words or numbers are expected")
    if name not in NUMBERS:
        plain = pa.types.is_dictionary(column.type) or pa.types.is_integer(column.type)
        return column if plain else column.dictionary_encode()
    values = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    is_text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
    return from_text(values, name, origin, row) if is_text else values


def _joined(tables: list[pa.Table], origin: str) -> pa.Table:
    """One table; whole numbers become fractions where other blocks have those."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise TraceError(origin, "columns", f"of several kinds: {error}", "use one kind of value in a column") from None


def _first_rows(file: NDArray[np.int32], n_files: int) -> NDArray[np.int64]:
    first = np.zeros(n_files, np.int64)
    first[file[::-1]] = np.arange(len(file) - 1, -1, -1)
    return first


def _times(table: pa.Table, origin: str) -> NDArray[np.int64]:
    if "time" not in table.column_names:
        return np.arange(table.num_rows, dtype=np.int64)
    return seconds(table.column("time").combine_chunks(), origin)


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
    given = numbers(table.column("size").combine_chunks(), "size", origin)
    found = given.astype(np.int64, copy=False)
    if given.dtype.kind == "f" and (found != given).any():
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
    code, names = codes(table.column(name).combine_chunks(), name, origin)
    return Labels(code[rows], tuple(str(one) for one in names))


def _floats(table: pa.Table, name: str, origin: str) -> NDArray[np.float64] | None:
    if name not in table.column_names:
        return None
    return numbers(table.column(name).combine_chunks(), name, origin).astype(np.float64)
