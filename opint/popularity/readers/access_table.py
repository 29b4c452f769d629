"""Tables of weekly accesses, recognised by their content.

A frame in the manner of DCAFPilot (V. Kuznetsov et al., arXiv:1602.07226) has one row per dataset and week, as CSV or
Parquet, in one file or a folder of files. ``dataset`` (``/primary/processed/TIER``), ``week`` (its first day) and
``naccess`` are needed; ``nusers``, ``nsites`` and ``size`` (bytes) are optional. Other columns are ignored: most of
them (``totcpu``, ``cpu``, ``wct``, ``proc_evts`` …) are known only when the week is over. A table without a slash in
any name is anonymous: its names carry no information, and any text will do.
"""

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from opint.popularity.assemble import AccessRows, WeekSpan, assemble
from opint.popularity.errors import TableError, Warn
from opint.popularity.history import History
from opint.popularity.names import SHAPE, is_name
from opint.popularity.readers.columns import PARQUET, days, numbers, read_columns, texts
from opint.popularity.readers.experiment_formats import read_atlas_groups, read_cms_series

NEEDED_COLUMNS = ("dataset", "week", "naccess")
OPTIONAL_COLUMNS = ("nusers", "nsites", "size")
LEAST_NAMED_SHARE = 0.5
"""Smallest share of rows with a valid name; a table with fewer, but more than none, is rejected."""
GZIP = b"\x1f\x8b"
CMS_SERIES_MARK = b"Length:"
"""Occurs near the beginning of a CMS series."""
ATLAS_GROUPS_MARK = b"WORKINGGROUP"
"""Occurs in the first line of a table of ATLAS groups."""
_HEAD_BYTES = 4096


def read_frame(path: Path, warn: Warn) -> History:
    """The history in a frame; several rows of one dataset and week are added up.

    Rows without a valid name are left out, and ``warn`` is called with their number.

    Raises:
        TableError: the file cannot be read, a column is missing, a cell is invalid, or most names are.
    """
    content, origin = read_columns(path, NEEDED_COLUMNS, OPTIONAL_COLUMNS), str(path)
    rows = _rows(content, origin, np.arange(1, len(content) + 1))
    names = {name: is_name(name) for name in set(rows.dataset)}
    sound = np.array([names[name] for name in rows.dataset], dtype=np.bool_)
    if sound.all() or is_anonymous(names):
        return assemble(rows, named=bool(sound.all()))
    row = int(np.argmin(sound))
    check_odd_names(int((~sound).sum()), len(sound), f"row {row + 1}", rows.dataset[row], origin, warn)
    return assemble(rows.only(np.flatnonzero(sound)), named=True)


def is_anonymous(names: Iterable[str]) -> bool:
    """Whether no text even resembles the name of a dataset."""
    return not any("/" in name or not name for name in names)


def check_odd_names(odd: int, rows: int, place: str, example: str, origin: str, warn: Warn) -> None:
    """Warn that ``odd`` of the ``rows`` are left out, such as the ``example`` at ``place``.

    Raises:
        TableError: they are most of the table.
    """
    if rows - odd < LEAST_NAMED_SHARE * rows:
        raise TableError(f"{origin}, {place}", "dataset", repr(example), f"{SHAPE}; {odd:,} of {rows:,} rows have none")
    warn(f"{origin}: {odd:,} of {rows:,} rows are left out, their dataset is no name ({place}, {example!r}); {SHAPE}")


def read_part(content: Any, origin: str, span: WeekSpan, *, named: bool) -> History:
    """The history in an Arrow table: an unordered part of a frame that was checked as a whole and has weeks ``span``.

    Raises:
        TableError: a cell is invalid.
    """
    return assemble(_rows(content, origin, None), named=named, span=span)


def _rows(content: Any, origin: str, number: Any) -> AccessRows:
    columns = content.column_names
    measures = {name: numbers(content, name, origin) for name in ("naccess", "nusers", "nsites") if name in columns}
    size = numbers(content, "size", origin) if "size" in columns else None
    return AccessRows(texts(content, "dataset", origin), days(content, "week", origin), measures, size, origin, number)


def read_history(path: Path, warn: Warn) -> History:
    """The history in a CMS series, a table of ATLAS groups, or a frame of datasets and weeks (CSV, Parquet).

    ``warn`` is called with what is left out.

    Raises:
        TableError: the file cannot be read, or its content is invalid.
    """
    if path.is_dir():
        return read_frame(path, warn)
    try:
        with path.open("rb") as file:
            begin = file.read(len(PARQUET))
        if begin == PARQUET:
            return read_frame(path, warn)
        with gzip.open(path, "rb") if begin.startswith(GZIP) else path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, EOFError) as error:
        hint = "a table of weekly accesses is needed, CSV (plain or gzip) or Parquet"
        raise TableError(str(path), "file", str(error), hint) from None
    if CMS_SERIES_MARK in head:
        return read_cms_series(path)
    return read_atlas_groups(path) if ATLAS_GROUPS_MARK in head.partition(b"\n")[0] else read_frame(path, warn)
