"""Tables in text and Parquet: which columns there are, and their values, checked by column and row."""

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.compute as pc

from streams.errors import DecodeError

_SEPARATORS = ";\t|"
_NULLS = pa.array(["", "na", "n/a", "nan", "null", "none", "<na>"])
_TRUE = pa.array(["true", "t", "yes", "y", "1", "1.0"])
_FALSE = pa.array(["false", "f", "no", "n", "0", "0.0"])


def header_of(file: TextIO) -> list[str]:
    """The first line of a CSV file by its commas; raises DecodeError for broken quotes or text that is not UTF-8."""
    try:
        return next(csv.reader(file), [])
    except (csv.Error, UnicodeDecodeError) as error:
        raise DecodeError("bad-csv", "header", str(error)) from None


def split_by_any_separator(names: Sequence[str]) -> list[str]:
    """The names of a header that was split by commas, as another separator would split them."""
    for separator in (*_SEPARATORS, *(" " if len(names) == 1 else "")):
        if names and separator in names[0]:
            return [name.strip().strip('"') for name in ",".join(names).split(separator)]
    return list(names)


def check_columns(names: Sequence[str], needed: Iterable[str]) -> None:
    """Raise DecodeError for a needed column that is missing, showing those that are there."""
    needed = list(needed)
    absent = [name for name in needed if name not in names]
    if not absent:
        return
    if len(split_by_any_separator(names)) > len(names):
        hint = f"the columns stand in one: {names[0]!r}; separate them by commas"
    else:
        hint = f"columns {', '.join(needed)} are needed, found are {', '.join(map(repr, names[:20])) or 'none'}"
    raise DecodeError("missing-column", "columns", ", ".join(absent), hint)


def converted(column: Any, kind: Any, name: str) -> Any:
    """A column as integers, floats, booleans or texts, whatever it was written as; empty cells are null.

    Texts are trimmed, whole floats are integers, and what spreadsheets, R and SQL write for true and false is read.
    Raises DecodeError naming the column and the first row that does not fit.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_binary(column.type):
        # Parquet does not look whether its texts are UTF-8; a cast from binary does.
        column = _cast(column.cast(pa.binary()), lambda cells: cells.cast(pa.string()), name, "not-utf8", "UTF-8 text")
        column = _without_null_words(column)
    elif pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return _cast(column, _CASTS[kind], name, "wrong-type", _NEEDED[kind])


def _without_null_words(column: Any) -> Any:
    trimmed = pc.utf8_trim_whitespace(column)
    empty = pc.is_in(pc.utf8_lower(trimmed), value_set=_NULLS)
    return pc.if_else(empty, pa.scalar(None, pa.string()), trimmed)


def _integers(cells: Any) -> Any:
    if pa.types.is_string(cells.type):
        try:
            return cells.cast(pa.int64())
        except pa.ArrowException:
            cells = cells.cast(pa.float64())
    return cells.cast(pa.int64())


def _booleans(cells: Any) -> Any:
    if pa.types.is_boolean(cells.type):
        return cells
    lower = pc.utf8_lower(cells.cast(pa.string()))
    true, false = pc.is_in(lower, value_set=_TRUE), pc.is_in(lower, value_set=_FALSE)
    if not pc.all(pc.or_(pc.or_(true, false), pc.is_null(cells)), min_count=0).as_py():
        raise pa.ArrowInvalid("neither true nor false")
    return pc.if_else(pc.is_null(cells), pa.scalar(None, pa.bool_()), true)


_CASTS: dict[Any, Callable[[Any], Any]] = {
    pa.int64(): _integers,
    pa.float64(): lambda cells: cells.cast(pa.float64()),
    pa.bool_(): _booleans,
    pa.string(): lambda cells: cells.cast(pa.string()),
}
_NEEDED = {
    pa.int64(): "an integer is needed",
    pa.float64(): "a number is needed",
    pa.bool_(): "true or false is needed",
    pa.string(): "a text is needed",
}


def _cast(cells: Any, cast: Callable[[Any], Any], name: str, reason: str, hint: str) -> Any:
    try:
        return cast(cells)
    except (pa.ArrowException, NotImplementedError):
        low, high = 0, len(cells) - 1
    while low < high:
        middle = (low + high) // 2
        try:
            cast(cells.slice(low, middle - low + 1))
            low = middle + 1
        except (pa.ArrowException, NotImplementedError):
            high = middle
    raise DecodeError(reason, f"column {name!r} row {low}", cells[low].as_py(), hint)
