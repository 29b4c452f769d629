"""CSV and Parquet files: columns checked by name and type, and histories and other tables written."""

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from opint.popularity.errors import PopularityError, TableError
from opint.popularity.history import EARLIEST_DAY, LATEST_DAY, History, parse_day
from streams.arrays import Days, Float64
from streams.codecs.checks import check_file
from streams.errors import DecodeError

PARQUET = b"PAR1"
_DAY_OF_TIME = re.compile(r"(?<=^\d{4}-\d{2}-\d{2})[ T]\d{2}:.*$")


def read_columns(path: Path, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> Any:
    """The ``needed`` columns, and the ``optional`` ones that exist, of a CSV (plain or gzip) or Parquet file.

    A folder stands for all its files, sorted by name, as Spark writes tables; files whose names begin with a dot or an
    underscore are ignored.

    Raises:
        TableError: a file cannot be read, lacks a needed column, or has it twice.
    """
    if not path.is_dir():
        return _file(path, needed, optional)
    files = sorted(file for file in path.rglob("*") if file.is_file() and not _is_hidden(file.relative_to(path)))
    if not files:
        raise TableError(str(path), "files", 0, "a folder of CSV or Parquet files is needed")
    tables = [_file(file, needed, optional) for file in files]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise TableError(str(path), "files", str(error).splitlines()[0], "all need the same columns") from None


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _file(path: Path, needed: tuple[str, ...], optional: tuple[str, ...]) -> Any:
    try:
        content = parquet.read_table(path) if _begins(path) == PARQUET else _csv(path)
        columns = content.column_names
    except DecodeError as error:
        hint = "a CSV (plain or gzip) or Parquet table is needed"
        raise TableError(str(path), "file", f"{error.reason}, {error.value}", hint) from None
    except UnicodeDecodeError as error:
        raise TableError(str(path), "line of column names", error.object[:40], "write the text in UTF-8") from None
    except (OSError, EOFError, pa.ArrowException) as error:
        first = str(error).splitlines()[0]
        raise TableError(str(path), "file", first, "a CSV or Parquet table is needed") from None
    present = ", ".join(columns[:20])
    missing = [name for name in needed if name not in columns]
    if missing:
        raise TableError(str(path), "columns", present, f"{missing[0]} is missing; needed are {', '.join(needed)}")
    chosen = [*needed, *(name for name in optional if name in columns)]
    twice = [name for name in chosen if columns.count(name) > 1]
    if twice:
        raise TableError(str(path), "columns", present, f"{twice[0]} stands twice; rename or remove one of them")
    return content.select(chosen)


def texts(content: Any, name: str, origin: str) -> list[str]:
    """A column as texts; a null becomes an empty text.

    Raises:
        TableError: a cell is no UTF-8.
    """
    column = content[name]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        # Parquet does not look whether its texts are UTF-8.
        column = column.cast(pa.binary())
    if not pa.types.is_binary(column.type):
        return [text or "" for text in pc.cast(column, pa.string()).to_pylist()]
    cells = [cell or b"" for cell in column.to_pylist()]
    try:
        return [cell.decode() for cell in cells]
    except UnicodeDecodeError as error:
        row = cells.index(error.object) + 1
        raise TableError(f"{origin}, row {row}", name, error.object, "write the text in UTF-8") from None


def numbers(content: Any, name: str, origin: str) -> Float64:
    """A column as float64 (r,); an empty cell is NaN.

    Raises:
        TableError: a cell holds no number.
    """
    column = content[name]
    try:
        return np.asarray(pc.cast(column, pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowException:
        for row, text in enumerate(texts(content, name, origin)):
            try:
                float(text or "nan")
            except ValueError:
                raise TableError(f"{origin}, row {row + 1}", name, repr(text), "a number is needed") from None
        raise TableError(origin, name, column.type, "a column of numbers is needed") from None


def days(content: Any, name: str, origin: str) -> Days:
    """A column of days (r,) as datetime64[D], from dates, timestamps, or texts like 2026-11-25 or 20261125.

    A timestamp with a time zone gives the day in that zone.

    Raises:
        TableError: a cell holds no day, or a day before 1990 or after 2099.
    """
    cells = content[name]
    if pa.types.is_timestamp(cells.type):
        local = pc.local_timestamp(cells) if cells.type.tz is not None else cells
        column = np.asarray(local.to_numpy(), dtype="datetime64[D]")
    elif pa.types.is_date(cells.type):
        column = np.asarray(pc.cast(cells, pa.date32()).to_numpy(), dtype="datetime64[D]")
    else:
        column = _days_of_texts(texts(content, name, origin), name, origin)
    wrong = ~((column >= np.datetime64(EARLIEST_DAY)) & (column < np.datetime64(LATEST_DAY)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TableError(f"{origin}, row {row + 1}", name, column[row], "a day is needed, as 2026-11-25")
    return column


def _days_of_texts(cells: list[str], name: str, origin: str) -> Days:
    """Each distinct text is parsed once: a table has many rows and few weeks."""
    rows: dict[str, int] = {}
    for row, text in enumerate(cells):
        rows.setdefault(text, row)
    day_of_text = {
        text: np.datetime64(parse_day(_DAY_OF_TIME.sub("", text), f"{origin}, row {row + 1}", name), "D")
        for text, row in rows.items()
    }
    return np.array([day_of_text[text] for text in cells], dtype="datetime64[D]")


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(PARQUET))


def _csv(path: Path) -> Any:
    options = csv.ConvertOptions(strings_can_be_null=True)
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as file:
            return csv.read_csv(pa.py_buffer(file.read()), convert_options=options)
    check_file(path)
    return csv.read_csv(path, convert_options=options)


def write_history(history: History, path: Path) -> int:
    """Write a data frame that :mod:`opint.popularity.readers.access_table` reads; returns its number of rows.

    Raises PopularityError if the file cannot be written.
    """
    table = history_table(history)
    write_table(table, path)
    return len(table)


def history_table(history: History) -> pa.Table:
    """One row per dataset and week, from the first week in which the dataset is known."""
    dataset, week = np.nonzero(history.exists)
    starts = np.array([history.weeks.start(week) for week in range(history.shape[1])], dtype="datetime64[D]")
    columns = {
        "dataset": pa.array([history.names[row] for row in dataset]),
        "week": pa.array(starts[week]),
        **{name: pa.array(counts[dataset, week].astype(np.int64)) for name, counts in history.measures.items()},
        "size": pa.array(history.size_bytes[dataset]),
    }
    return pa.table(columns)


def write_table(table: pa.Table, path: Path) -> None:
    """Write CSV or, by the ending ``.parquet``, Parquet; raises PopularityError if that fails."""
    unfinished = path.with_name(path.name + ".tmp")
    try:
        if path.suffix.lower() == ".parquet":
            parquet.write_table(table, unfinished)
        else:
            csv.write_csv(table, unfinished)
        unfinished.replace(path)
    except (OSError, pa.ArrowException) as error:
        raise PopularityError(f"{path} cannot be written: {error}") from error
