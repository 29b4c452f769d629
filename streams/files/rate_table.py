"""Long tables of trigger rates, CSV or Parquet, as rate monitors export them: one row for each rate and lumisection.

Columns, by name: ``run``, ``ls``, ``name``, ``seed`` (empty or null for an L1 seed itself), ``rate_hz``, ``prescale``
and, where known, ``dataset`` and the conditions of :mod:`streams.codecs.envelope`, the same in all rows of a
lumisection. Others are ignored. Rows may come in any order; lumisections are read in that of run and number.
"""

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from streams.codecs.envelope import read_place
from streams.codecs.rates.schema import RateLimits, read_rates
from streams.errors import DecodeError
from streams.files.assemble import placed
from streams.records import TriggerRates

UNKNOWN_DATASET = "/unknown/unknown/RATES"
"""Dataset of tables that do not name theirs."""

SUFFIXES = (".csv", ".parquet")

_TEXT = pa.dictionary(pa.int32(), pa.string())
NEEDED = pa.schema(
    {
        "run": pa.int64(),
        "ls": pa.int64(),
        "name": _TEXT,
        "seed": _TEXT,
        "rate_hz": pa.float64(),
        "prescale": pa.float64(),
    }
)
KNOWN = pa.schema(
    {
        "dataset": _TEXT,
        "fill": pa.int64(),
        "era": _TEXT,
        "pileup": pa.float64(),
        "delivered_lumi": pa.float64(),
        "recorded_lumi": pa.float64(),
        "prescale_index": pa.int64(),
        "beams_stable": pa.bool_(),
    }
)
_COLUMNS = pa.schema([*NEEDED, *KNOWN])


def is_table(path: Path) -> bool:
    """Whether a file is a CSV or Parquet table with a column of rates; raises OSError if it cannot be read."""
    try:
        return path.suffix.lower() in SUFFIXES and "rate_hz" in _names(path)
    except DecodeError:
        return False


def read(path: Path, limits: RateLimits) -> Iterator[TriggerRates | DecodeError]:
    """Rates of each lumisection, or why it has none; the whole table is held in memory.

    Raises OSError if the file cannot be read.
    """
    try:
        table = _sorted(_table(path))
    except DecodeError as error:
        yield placed(error, path.name)
        return
    run, ls = table["run"].to_numpy(), table["ls"].to_numpy()
    starts = np.flatnonzero(np.diff(run, prepend=-1) | np.diff(ls, prepend=-1))
    for start, stop in zip(starts, np.append(starts[1:], len(run)), strict=True):
        try:
            yield _lumisection(table.slice(start, stop - start), limits)
        except DecodeError as error:
            yield placed(error, f"{path.name} run {run[start]} LS {ls[start]}")


def _names(path: Path) -> list[str]:
    """Names of the columns of a table."""
    if path.suffix.lower() == ".parquet":
        with path.open("rb") as raw:
            return _opened(partial(pq.read_schema, raw)).names  # type: ignore[no-any-return]
    with path.open(encoding="utf-8", newline="") as file:
        try:
            return next(csv.reader(file), [])
        except (csv.Error, UnicodeDecodeError) as error:
            raise DecodeError("bad-csv", "header", str(error)) from None


def _table(path: Path) -> Any:
    """The columns that are read, of their types."""
    names = _names(path)
    if absent := [name for name in NEEDED.names if name not in names]:
        hint = f"columns {', '.join(NEEDED.names)} are needed"
        raise DecodeError("missing-column", "columns", ", ".join(absent), hint)
    schema = pa.schema([field for field in _COLUMNS if field.name in names])
    # pyarrow cannot open a file whose name is not UTF-8.
    with path.open("rb") as raw:
        table = _opened(partial(_columns, raw, path.suffix.lower(), schema))
    try:
        table = table.select(schema.names).cast(schema).combine_chunks().unify_dictionaries()
    except pa.ArrowException as error:
        raise DecodeError("wrong-type", "columns", str(error)) from None
    _check_text(table)
    return table


def _columns(raw: BinaryIO, suffix: str, schema: Any) -> Any:
    if suffix == ".parquet":
        return pq.read_table(raw, columns=schema.names)
    types = pacsv.ConvertOptions(
        include_columns=schema.names,
        column_types=schema,
        strings_can_be_null=True,
        true_values=["true", "True", "1"],
        false_values=["false", "False", "0"],
    )
    return pacsv.read_csv(raw, convert_options=types)


def _check_text(table: Any) -> None:
    """Raise DecodeError, naming column and row, for text that is not UTF-8: Parquet does not look at it."""
    for name in table.schema.names:
        if table.schema.field(name).type != _TEXT:
            continue
        column = table[name].combine_chunks()
        for index, text in enumerate(column.dictionary.cast(pa.binary())):
            try:
                text.as_py().decode()
            except UnicodeDecodeError as error:
                row = column.indices.index(index).as_py()
                raise DecodeError("not-utf8", f"column {name!r} row {row}", error.object) from None


def _opened(read: "partial[Any]") -> Any:
    try:
        return read()
    except OSError as error:
        # pyarrow says so of damaged files, too; only the system's own errors have a number.
        if error.errno is not None:
            raise
        raise DecodeError("bad-table", "table", str(error)) from None
    except pa.ArrowException as error:
        raise DecodeError("bad-table", "table", str(error)) from None


def _sorted(table: Any) -> Any:
    for name in ("run", "ls", "name", "rate_hz", "prescale"):
        if table[name].null_count:
            raise DecodeError("null", name, f"{table[name].null_count} nulls", "no value may be null")
    order = np.lexsort((table["ls"].to_numpy(), table["run"].to_numpy()))
    return table.take(pa.array(order))


def _lumisection(rows: Any, limits: RateLimits) -> TriggerRates:
    limits.check_rates(rows.num_rows)
    first = {name: rows[name][0].as_py() for name in rows.schema.names if rows[name][0].is_valid}
    place = read_place({"dataset": UNKNOWN_DATASET} | first)
    names, seeds = (rows[name].cast(pa.string()).to_numpy().tolist() for name in ("name", "seed"))
    seeds = ["" if seed is None else seed for seed in seeds]
    return read_rates(place, names, seeds, rows["rate_hz"].to_numpy(), rows["prescale"].to_numpy())
