"""Columns of CSV and Parquet files, checked by name and type."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from opint.popularity.errors import TableError
from opint.popularity.history import Float64
from opint.popularity.weeks import EARLIEST, LATEST

PARQUET = b"PAR1"


def table(path: Path, needed: tuple[str, ...], wanted: tuple[str, ...] = ()) -> Any:
    """The columns ``needed``, and those of ``wanted`` that are there, of a CSV (plain or gzip) or Parquet file.

    Raises:
        TableError: the file cannot be read, or lacks a needed column.
    """
    try:
        found = _parquet(path) if _begins(path) == PARQUET else _csv(path)
    except (OSError, EOFError, pa.ArrowException) as error:
        first = str(error).splitlines()[0]
        raise TableError(str(path), "file", first, "a CSV or Parquet table is needed") from None
    missing = [name for name in needed if name not in found.column_names]
    if missing:
        there = ", ".join(found.column_names[:20])
        raise TableError(str(path), "columns", there, f"{missing[0]} is missing; needed are {', '.join(needed)}")
    return found.select([*needed, *(name for name in wanted if name in found.column_names)])


def texts(found: Any, name: str) -> list[str]:
    """A column as texts; nothing becomes an empty text."""
    return [one or "" for one in pc.cast(found[name], pa.string()).to_pylist()]


def numbers(found: Any, name: str, origin: str) -> Float64:
    """A column as float64 (r,); an empty cell is NaN.

    Raises:
        TableError: a cell holds no number.
    """
    column = found[name]
    try:
        return np.asarray(pc.cast(column, pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowException:
        for row, text in enumerate(texts(found, name)):
            try:
                float(text or "nan")
            except ValueError:
                raise TableError(f"{origin}, row {row + 1}", name, repr(text), "a number is needed") from None
        raise TableError(origin, name, column.type, "a column of numbers is needed") from None


def days(found: Any, name: str, origin: str) -> npt.NDArray[np.datetime64]:
    """A column of days (r,) as datetime64[D], from dates, timestamps, or texts like 2026-11-25.

    Raises:
        TableError: a cell holds no day, or one that is not of our time.
    """
    try:
        column = np.asarray(pc.cast(found[name], pa.date32()).to_numpy(), dtype="datetime64[D]")
    except pa.ArrowException:
        cells = [_day(one or "NaT", origin, name, row) for row, one in enumerate(texts(found, name))]
        column = np.array(cells, dtype="datetime64[D]")
    wrong = ~((column >= np.datetime64(EARLIEST)) & (column < np.datetime64(LATEST)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TableError(f"{origin}, row {row + 1}", name, column[row], "a day is needed, as 2026-11-25")
    return column


def _day(text: str, origin: str, name: str, row: int) -> np.datetime64:
    try:
        return np.datetime64(text, "D")
    except ValueError:
        raise TableError(f"{origin}, row {row + 1}", name, repr(text), "a day is needed, as 2026-11-25") from None


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(PARQUET))


def _parquet(path: Path) -> Any:
    return parquet.read_table(path)


def _csv(path: Path) -> Any:
    options = csv.ConvertOptions(strings_can_be_null=True)
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as file:
            return csv.read_csv(pa.py_buffer(file.read()), convert_options=options)
    return csv.read_csv(path, convert_options=options)
