"""Which rows of an access log are reads, where a column holds the operation: GET, PUT, read, REST.GET.OBJECT."""

import re

import numpy as np
import pyarrow as pa

from rl_cache.arrays import Mask
from rl_cache.errors import TraceError

_COLUMNS = frozenset(
    {"op", "ops", "op_name", "opcode", "operation", "operation_type", "request_type", "req_type", "rw"}
    | {"method", "http_method", "request_method", "verb", "cmd", "command", "eventname", "event_name"}
)
_READS = frozenset({"get", "gets", "mget", "read", "readv", "pread", "r", "rd", "open", "fetch", "download"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def is_operation_column(name: str) -> bool:
    """Whether a column of this name holds operations."""
    return name.lower() in _COLUMNS


def is_read(operation: object) -> bool:
    """Whether this is the name of a read, alone or as a word within it (``GetObject``, ``REST.GET.OBJECT``)."""
    return any(word.lower() in _READS for word in _WORD.findall(str(operation)))


def keep_reads(table: pa.Table, origin: str) -> tuple[pa.Table, tuple[str, ...]]:
    """The rows that are reads, without the column of operations, and a remark on those that are left out.

    Raises:
        TraceError: there is such a column and no row is a read.
    """
    name = next(filter(is_operation_column, table.column_names), None)
    if name is None:
        return table, ()
    encoded = table.column(name).cast(pa.string()).combine_chunks().dictionary_encode(null_encoding="encode")
    operations = [operation or "missing" for operation in encoded.dictionary.to_pylist()]
    counts = np.array([is_read(operation) for operation in operations], np.bool_)
    is_read_row: Mask = counts[encoded.indices.to_numpy()]
    not_reads = ", ".join(operation for operation, read in zip(operations, counts, strict=True) if not read)
    if not is_read_row.any():
        hint = "reads are called GET, read, r or open; to count every row, give the column another name"
        raise TraceError(origin, f"column {name}", not_reads, f"no row is a read; {hint}")
    left_out = len(is_read_row) - int(np.count_nonzero(is_read_row))
    table = table.drop_columns([name])
    if not left_out:
        return table, ()
    remark = f"{left_out:,} of {len(is_read_row):,} rows are no reads and not counted: {not_reads}"
    return _drop_unused_names(table.filter(pa.array(is_read_row))), (remark,)


def _drop_unused_names(table: pa.Table) -> pa.Table:
    """Names that are in no row any more lose their codes."""
    for place, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            names = column.cast(column.type.value_type).combine_chunks().dictionary_encode()
            table = table.set_column(place, table.column_names[place], names)
    return table
