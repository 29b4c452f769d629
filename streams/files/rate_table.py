"""Long tables of trigger rates, CSV or Parquet, as rate monitors export them: one row for each rate and lumisection.

Columns, by name: ``run``, ``ls``, ``name`` (or ``path``), ``rate_hz`` and, where known, ``seed`` (empty or null for an
L1 seed itself, and for a path whose seed is not told), ``prescale``, ``dataset`` and the conditions of
:mod:`streams.codecs.envelope`, the same in all rows of a lumisection. Others are ignored. True and false are read as
spreadsheets, R and SQL write them. Rows may come in any order; lumisections are read in that of run and number.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from streams.codecs.checks import check_file
from streams.codecs.envelope import read_place
from streams.codecs.rates import RateLimits, read_rates
from streams.errors import DecodeError
from streams.files.assemble import placed
from streams.files.tables import check_columns, converted, header_of, split_by_any_separator
from streams.records import TriggerRates

UNKNOWN_DATASET = "/unknown/unknown/RATES"
"""Dataset of tables that do not name theirs."""

SUFFIXES = (".csv", ".parquet")

NEEDED = {
    "run": pa.int64(),
    "ls": pa.int64(),
    "name": pa.string(),
    "rate_hz": pa.float64(),
}
OPTIONAL = {
    "seed": pa.string(),
    "prescale": pa.float64(),
    "dataset": pa.string(),
    "fill": pa.int64(),
    "era": pa.string(),
    "pileup": pa.float64(),
    "delivered_lumi": pa.float64(),
    "recorded_lumi": pa.float64(),
    "prescale_index": pa.int64(),
    "prescale_name": pa.string(),
    "beams_stable": pa.bool_(),
}
PATH = "path"
"""How a table may call its column ``name``."""
_FILLED = ("run", "ls", "name", "rate_hz")
"""A row without one of these says nothing."""


def is_table(path: Path) -> bool:
    """Whether a file is a CSV or Parquet table with a column of rates; raises OSError if it cannot be read."""
    try:
        return path.suffix.lower() in SUFFIXES and "rate_hz" in split_by_any_separator(_names(path))
    except DecodeError:
        return False


def read(path: Path, limits: RateLimits) -> Iterator[TriggerRates | DecodeError]:
    """Rates of each lumisection, then why some of them are not in it; the whole table is held in memory.

    Raises OSError if the file cannot be read.
    """
    try:
        check_file(path)
        table, error = _sorted(_table(path))
    except DecodeError as refused:
        yield placed(refused, path.name)
        return
    if error is not None:
        yield placed(error, path.name)
    run, ls = table["run"].to_numpy(), table["ls"].to_numpy()
    starts = np.flatnonzero(np.diff(run, prepend=-1) | np.diff(ls, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(run)], strict=True):
        place = f"{path.name} run {run[start]} LS {ls[start]}"
        try:
            record = _lumisection(table.slice(start, stop - start), limits)
        except DecodeError as refused:
            yield placed(refused, place)
            continue
        yield replace(record, unread=())
        for unread in record.unread:
            yield placed(unread, place)


def _names(path: Path) -> list[str]:
    """Names of the columns of a table."""
    if path.suffix.lower() == ".parquet":
        with path.open("rb") as raw:
            return _opened(partial(pq.read_schema, raw)).names  # type: ignore[no-any-return]
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        return header_of(file)


def _table(path: Path) -> Any:
    """The columns that are read, of their types."""
    names = _names(path)
    called = PATH if "name" not in names and PATH in names else "name"
    needed = {called if name == "name" else name: kind for name, kind in NEEDED.items()}
    check_columns(names, needed)
    kinds = {name: kind for name, kind in (needed | OPTIONAL).items() if name in names}
    for name in kinds:
        if names.count(name) > 1:
            raise DecodeError("column-twice", "columns", name, "rename or remove one of them")
    # pyarrow cannot open a file whose name is not UTF-8.
    with path.open("rb") as raw:
        table = _opened(partial(_columns, raw, path.suffix.lower(), list(kinds)))
    if not table.num_rows:
        raise DecodeError("no-rates", "rows", 0, "there is no row under the names of the columns")
    columns = {name: converted(table[name], kind, name) for name, kind in kinds.items()}
    return pa.table({"name" if name == called else name: column for name, column in columns.items()})


def _columns(raw: BinaryIO, suffix: str, names: list[str]) -> Any:
    if suffix == ".parquet":
        return pq.read_table(raw, columns=names)
    # As bytes: what a value means must not depend on the block that it stands in.
    kinds = dict.fromkeys(names, pa.binary())
    try:
        return pacsv.read_csv(raw, convert_options=pacsv.ConvertOptions(include_columns=names, column_types=kinds))
    except pa.ArrowInvalid as error:
        # So it says of a header without an end of line.
        if "Empty CSV" not in str(error):
            raise
        return pa.table(dict.fromkeys(names, pa.nulls(0)))


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


def _sorted(table: Any) -> tuple[Any, DecodeError | None]:
    """The rows in order of run and LS, without those that lack a value, and an error that names the first of these."""
    lacking = np.zeros(table.num_rows, np.bool_)
    error = None
    for name in _FILLED:
        empty = table[name].is_null().to_numpy()
        if error is None and empty.any():
            error = DecodeError("null", f"column {name!r} row {int(np.argmax(empty))}", None, "a value is needed")
        lacking |= empty
    if error is not None:
        table = table.filter(pa.array(~lacking))
    order = np.lexsort((table["ls"].to_numpy(), table["run"].to_numpy()))
    return table.take(pa.array(order)), error


def _lumisection(rows: Any, limits: RateLimits) -> TriggerRates:
    limits.check_rates(rows.num_rows)
    first = {name: rows[name][0].as_py() for name in rows.schema.names if rows[name][0].is_valid}
    place = read_place({"dataset": UNKNOWN_DATASET} | first)
    names, there = rows["name"].to_pylist(), rows.schema.names
    seeds = rows["seed"].to_pylist() if "seed" in there else [None] * len(names)
    prescales = rows["prescale"].to_numpy(zero_copy_only=False) if "prescale" in there else np.full(len(names), np.nan)
    return read_rates(place, names, [seed or "" for seed in seeds], rows["rate_hz"].to_numpy(), prescales)
