"""The columns of a source: which of them are read, and their values as numbers, seconds and codes.

Text is read as a number or as a time where such a column has text. What a value means never depends on its neighbours
or on how far into the source it stands.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rl_cache.arrays import AnyArray, Int32, Int64
from rl_cache.errors import TraceError
from rl_cache.traces.operations import is_operation_column

TEXT = ("file", "dataset", "tier", "site", "task", "user")
NUMBERS = ("time", "size", "cpu_time", "io_time")
COLUMNS = ("time", "file", "size", "dataset", "tier", "site", "task", "user", "cpu_time", "io_time")
"""Names of columns that are read, apart from a column of operations; all others are ignored."""
_ALIASES = {"taskid": "task", "jeditaskid": "task", "usrdn": "user", "username": "user"}
"""Names that PanDA, Rucio's traces and XRootD's monitoring give to some of them, in any case."""
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_MAX_SPAN = 4
_HINT = {
    "time": "seconds since 1970 or since the beginning are expected, or times such as 2024-01-31T12:00:00Z",
}


def select_columns(names: Sequence[str], origin: str) -> list[str]:
    """Those of a source's columns that are read.

    Raises:
        TraceError: there is no column ``file``, or a column that is read stands twice.
    """
    read = [name for name in names if standard_name(name) in COLUMNS or is_operation_column(name)]
    standard = [standard_name(name) for name in read]
    for name in standard:
        if standard.count(name) > 1:
            raise TraceError(origin, f"column {name}", "there twice", "rename or drop one of them")
    if "file" not in names:
        shown = ", ".join(repr(name) for name in names)
        raise TraceError(origin, "column file", "missing", f"columns are named {', '.join(COLUMNS)}; found {shown}")
    return read


def standard_name(name: str) -> str:
    """The name under which a column is read."""
    return _ALIASES.get(name.lower(), name)


def column_remarks(names: Sequence[str]) -> tuple[str, ...]:
    """Remarks for users on columns that are missing or not read."""
    ignored = [name for name in names if standard_name(name) not in COLUMNS and not is_operation_column(name)]
    missing = {"time": "requests count as a second apart", "size": "files count as one byte each"}
    return (
        *([f"not read: column {', '.join(ignored)}"] if ignored else []),
        *(f"no column {name}: {meaning}" for name, meaning in missing.items() if name not in names),
    )


def parse_text(column: pa.Array, name: str, origin: str, row: int) -> pa.Array:
    """Text as whole numbers, else as numbers, else as times; empty text as missing. ``row`` is that of the first value.

    Raises:
        TraceError: none of these fits all values.
    """
    whole = _cast(column, pa.int64())
    if whole is not None:
        return whole
    trimmed = pc.utf8_trim_whitespace(column.cast(pa.string()))
    filled = pc.if_else(pc.binary_length(trimmed).cast(pa.bool_()), trimmed, pa.nulls(len(trimmed), pa.string()))
    for kind in (pa.int64(), pa.float64(), pa.timestamp("ns", "UTC"), pa.timestamp("ns")):
        values = _cast(filled, kind)
        if values is not None:
            return values
    at = _first_not_castable(filled, pa.float64())
    hint = _HINT.get(name, "numbers are expected")
    raise TraceError(origin, f"{name} of request {row + at}", filled[at].as_py(), hint)


def to_text(column: pa.Array, name: str, origin: str, row: int) -> pa.Array:
    """Bytes as text. ``row`` is that of the first value. Raises TraceError naming the first that is not UTF-8."""
    texts = _cast(column, pa.string())
    if texts is None:
        at = _first_not_castable(column, pa.string())
        raise TraceError(origin, f"{name} of request {row + at}", column[at].as_py(), "write the text in UTF-8")
    return texts


def _cast(column: pa.Array, kind: Any) -> pa.Array | None:
    try:
        return column.cast(kind)
    except pa.ArrowInvalid:
        return None


def _first_not_castable(column: pa.Array, kind: Any) -> int:
    low, high = 0, len(column) - 1
    while low < high:
        middle = (low + high) // 2
        if _cast(column.slice(low, middle - low + 1), kind) is not None:
            low = middle + 1
        else:
            high = middle
    return low


def to_seconds(column: pa.Array, origin: str) -> Int64:
    """Numbers, or times in whatever unit the source says, as whole seconds; fractions are cut off."""
    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s" if pa.types.is_date32(kind) else "ms"))
    if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type):
        return to_numbers(column.cast(pa.int64()), "time", origin) // _PER_SECOND[column.type.unit]
    values = to_numbers(column, "time", origin)
    return (np.floor(values) if values.dtype.kind == "f" else values).astype(np.int64, copy=False)


def to_numbers(column: pa.Array, name: str, origin: str) -> AnyArray:
    """Numbers, none of which is missing or too large to be added up."""
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise TraceError(origin, f"column {name}", f"of type {column.type}", _HINT.get(name, "numbers are expected"))
    _check_filled(column, name, origin)
    values = _array(column)
    low, high = values.min(), values.max()
    if not (-(2**62) < low <= high < 2**62):  # also where one is no number
        row = int(np.flatnonzero(~(np.abs(values.astype(np.float64)) < 2.0**62))[0])
        raise TraceError(origin, f"{name} of request {row}", values[row], "out of range")
    return values


def encode(column: pa.Array, name: str, origin: str) -> tuple[Int32, AnyArray]:
    """The number of each row's value, counted in the order in which they appear, and the values by number."""
    _check_filled(column, name, origin)
    if pa.types.is_integer(column.type) and (numbered := _encode_integers(_array(column))):
        return numbered
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return _array(encoded.indices), _array(encoded.dictionary)


def _encode_integers(values: AnyArray) -> tuple[Int32, AnyArray] | None:
    """As :func:`encode`, by a table of all integers in their range; None where that is much longer than the column."""
    low, span = values.min(), int(values.max()) - int(values.min()) + 1
    if span > _MAX_SPAN * len(values):
        return None
    place = (values - low).astype(np.int64)
    first = np.full(span, len(values))
    first[place[::-1]] = np.arange(len(values) - 1, -1, -1)
    present = np.flatnonzero(first < len(values))
    in_order = present[np.argsort(first[present])]
    code = np.empty(span, np.int32)
    code[in_order] = np.arange(len(in_order))
    return code[place], in_order.astype(values.dtype) + low


def _array(column: pa.Array) -> AnyArray:
    """Without nulls. ``to_numpy`` of pyarrow would load pandas, which takes longer than a small trace does."""
    is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    return np.from_dlpack(column) if is_number else np.array(column.to_pylist(), object)


def _check_filled(column: pa.Array, name: str, origin: str) -> None:
    if column.null_count:
        row = column.is_null().index(True).as_py()
        raise TraceError(origin, f"{name} of request {row}", "missing", "fill it in or drop the row")
