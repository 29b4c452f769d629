"""Put a trace together from blocks of rows, so that no source has to be in memory twice."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rl_cache.arrays import AnyArray, Float64, Int32, Int64
from rl_cache.errors import TraceError
from rl_cache.traces.columns import (
    NUMBERS,
    encode,
    parse_text,
    select_columns,
    standard_name,
    to_numbers,
    to_seconds,
    to_text,
)
from rl_cache.traces.directories import directory_of
from rl_cache.traces.operations import keep_reads
from rl_cache.traces.trace import LabelColumn, Trace

MAX_REQUESTS = 500_000_000


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
    request. Where a column holds the operation, only reads are requests. A request may lack its task and its user.

    Raises:
        TraceError: no ``file``, missing or unusable values, changing sizes (unless ``sizes`` allows them), too
            many rows, and whatever :class:`Trace` refuses.
    """
    table, left_out = keep_reads(_table(blocks, origin), origin)
    file, file_name = encode(table.column("file").combine_chunks(), "file", origin)
    first = _first_rows(file, len(file_name))
    times = table.column("time").combine_chunks() if "time" in table.column_names else None
    return Trace(
        time_s=np.arange(table.num_rows, dtype=np.int64) if times is None else to_seconds(times, origin),
        file=file.astype(np.int64),
        file_size=_file_sizes(table, file, first, file_name, origin, sizes),
        origin=origin,
        file_name=file_name,
        dataset=_labels(table, "dataset", origin, first),
        tier=_labels(table, "tier", origin, first),
        directory=_directories(file_name),
        site=_labels(table, "site", origin, slice(None)),
        task=_labels(_fill_names(table, "task"), "task", origin, slice(None)),
        user=_labels(_fill_names(table, "user"), "user", origin, slice(None)),
        cpu_s=_floats(table, "cpu_time", origin),
        io_s=_floats(table, "io_time", origin),
        remarks=(*remarks, *left_out),
    )


def _table(blocks: Iterable[pa.RecordBatch], origin: str) -> pa.Table:
    tables = [pa.Table.from_batches([block]) for block in _encoded_blocks(blocks, origin)]
    if not sum(table.num_rows for table in tables):
        raise empty_trace(origin)
    return _concatenate(tables, origin).unify_dictionaries()


def _encoded_blocks(blocks: Iterable[pa.RecordBatch], origin: str) -> Iterator[pa.RecordBatch]:
    """The columns that are read; names become codes at once, since they are many times as large."""
    rows = 0
    for block in blocks:
        columns = {standard_name(name): block.column(name) for name in select_columns(block.schema.names, origin)}
        yield pa.record_batch({name: _encode_column(columns[name], name, origin, rows) for name in columns})
        rows += block.num_rows
        if rows > MAX_REQUESTS:
            raise TraceError(origin, "number of requests", f"over {MAX_REQUESTS}", "split the trace")


def _encode_column(column: pa.Array, name: str, origin: str, row: int) -> pa.Array:
    if pa.types.is_nested(column.type):
        raise TraceError(origin, f"column {name}", f"of type {column.type}", "words or numbers are expected")
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        # Parquet does not look whether its texts are UTF-8; a cast from binary does.
        column = to_text(column.cast(pa.binary()), name, origin, row)
    if name not in NUMBERS:
        plain = pa.types.is_dictionary(column.type) or pa.types.is_integer(column.type)
        return column if plain else column.dictionary_encode()
    values = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    is_text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
    return parse_text(values, name, origin, row) if is_text else values


def _concatenate(tables: list[pa.Table], origin: str) -> pa.Table:
    """One table; whole numbers become fractions where other blocks have those."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise TraceError(origin, "columns", f"of several kinds: {error}", "use one kind of value in a column") from None


def _first_rows(file: Int32, n_files: int) -> Int64:
    first = np.zeros(n_files, np.int64)
    first[file[::-1]] = np.arange(len(file) - 1, -1, -1)
    return first


def _file_sizes(
    table: pa.Table,
    file: Int32,
    first: Int64,
    file_name: AnyArray,
    origin: str,
    sizes: Sizes,
) -> Int64:
    if "size" not in table.column_names:
        return np.ones(len(first), np.int64)
    column = to_numbers(table.column("size").combine_chunks(), "size", origin)
    values = column.astype(np.int64, copy=False)
    if column.dtype.kind == "f" and (values != column).any():
        row = int(np.flatnonzero(values != column)[0])
        raise TraceError(origin, f"size of request {row}", column[row], "sizes are whole bytes")
    changed = np.flatnonzero(values != values[first][file])
    if len(changed) and sizes is Sizes.CONSTANT:
        row = int(changed[0])
        before = values[first[file[row]]]
        raise changed_size(origin, file_name[file[row]], row, values[row], before)
    return values[first]


def changed_size(origin: str, name: object, row: int, size: int, before: int) -> TraceError:
    """The size in bytes of a file at request ``row`` differs from what it was ``before``."""
    return TraceError(
        origin,
        f"size of file {name} at request {row}",
        f"{size} after {before}",
        "files have one size; Sizes.FIRST (--first-size) keeps the first one",
    )


def empty_trace(origin: str) -> TraceError:
    """There is not one request."""
    return TraceError(origin, "number of requests", 0, "an empty trace cannot be used")


def _labels(table: pa.Table, name: str, origin: str, rows: Int64 | slice) -> LabelColumn | None:
    if name not in table.column_names:
        return None
    code, names = encode(table.column(name).combine_chunks(), name, origin)
    return LabelColumn(code[rows], tuple(str(value) for value in names))


def _fill_names(table: pa.Table, name: str) -> pa.Table:
    """The empty name in place of missing ones, as in CSV."""
    if name not in table.column_names or not table.column(name).null_count:
        return table
    place = table.column_names.index(name)
    return table.set_column(place, name, pc.fill_null(table.column(name).cast(pa.string()), ""))


def _directories(file_name: AnyArray) -> LabelColumn | None:
    """The directory of each file, None unless all are called by absolute paths."""
    if not all(isinstance(name, str) and name.startswith("/") for name in file_name):
        return None
    encoded = pa.array([directory_of(name) for name in file_name], pa.string()).dictionary_encode()
    return LabelColumn(encoded.indices.to_numpy(), tuple(encoded.dictionary.to_pylist()))


def _floats(table: pa.Table, name: str, origin: str) -> Float64 | None:
    if name not in table.column_names:
        return None
    return to_numbers(table.column(name).combine_chunks(), name, origin).astype(np.float64)
