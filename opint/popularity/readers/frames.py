"""Data frames in the manner of DCAFPilot (V. Kuznetsov et al., arXiv:1602.07226): a row a dataset and week.

CSV or Parquet, a file or a folder of files. ``dataset`` (``/primary/processed/TIER``), ``week`` (its first day) and
``naccess`` are needed; ``nusers``, ``nsites`` and ``size`` (bytes) are read where they are there. Other columns are
left alone: most of them (``totcpu``, ``cpu``, ``wct``, ``proc_evts`` …) are only known when the week that they describe
is over. A table without a slash in any name is anonymous: names say nothing, and any will do.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from opint.popularity.assemble import Rows, Span, assemble
from opint.popularity.errors import TableError, Warn
from opint.popularity.history import History
from opint.popularity.names import SHAPE, is_name
from opint.popularity.readers.columns import days, numbers, table, texts

NEEDED = ("dataset", "week", "naccess")
WANTED = ("nusers", "nsites", "size")
LEAST_NAMED = 0.5
"""Share of the rows whose name is that of a dataset; with fewer, but some, the table is taken for another one."""


def read(path: Path, warn: Warn) -> History:
    """The history in a frame; several rows of one dataset and week are added up.

    Rows whose ``dataset`` is no name are left out, and ``warn`` hears how many there are.

    Raises:
        TableError: the file cannot be read, a column is missing, a cell holds something that cannot be, or most names
            are none.
    """
    content, origin = table(path, NEEDED, WANTED), str(path)
    rows = _rows(content, origin, np.arange(1, len(content) + 1))
    names = {name: is_name(name) for name in set(rows.dataset)}
    sound = np.array([names[name] for name in rows.dataset], dtype=np.bool_)
    if sound.all() or is_anonymous(names):
        return assemble(rows, named=bool(sound.all()))
    row = int(np.argmin(sound))
    check_odd_names(int((~sound).sum()), len(sound), f"row {row + 1}", rows.dataset[row], origin, warn)
    return assemble(rows.only(np.flatnonzero(sound)), named=True)


def is_anonymous(names: Iterable[str]) -> bool:
    """Whether nobody tried to write the name of a dataset."""
    return not any("/" in name or not name for name in names)


def check_odd_names(odd: int, rows: int, place: str, example: str, origin: str, warn: Warn) -> None:
    """Warn that ``odd`` of the ``rows`` are left out, the ``example`` at a ``place`` among them.

    Raises:
        TableError: they are most of the table.
    """
    if rows - odd < LEAST_NAMED * rows:
        raise TableError(f"{origin}, {place}", "dataset", repr(example), f"{SHAPE}; {odd:,} of {rows:,} rows have none")
    warn(f"{origin}: {odd:,} of {rows:,} rows are left out, their dataset is no name ({place}, {example!r}); {SHAPE}")


def part(content: Any, origin: str, span: Span, *, named: bool) -> History:
    """The history in an Arrow table that is an unordered part of a frame of ``span``, which was looked at as a whole.

    Raises:
        TableError: a cell holds something that cannot be.
    """
    return assemble(_rows(content, origin, None), named=named, span=span)


def _rows(content: Any, origin: str, number: Any) -> Rows:
    columns = content.column_names
    measures = {name: numbers(content, name, origin) for name in ("naccess", "nusers", "nsites") if name in columns}
    size = numbers(content, "size", origin) if "size" in columns else None
    return Rows(texts(content, "dataset"), days(content, "week", origin), measures, size, origin, number)
