"""Data frames in the manner of DCAFPilot (V. Kuznetsov et al., arXiv:1602.07226): a row a dataset and week.

CSV or Parquet. ``dataset`` (``/primary/processed/TIER``), ``week`` (its first day) and ``naccess`` are needed;
``nusers``, ``nsites`` and ``size`` (bytes) are read where they are there. Other columns are left alone: most of
them (``totcpu``, ``cpu``, ``wct``, ``proc_evts`` …) are only known when the week that they describe is over.
"""

from pathlib import Path
from typing import Any

from opint.popularity.assemble import Rows, Span, assemble
from opint.popularity.history import History
from opint.popularity.readers.columns import days, numbers, table, texts

NEEDED = ("dataset", "week", "naccess")
WANTED = ("nusers", "nsites", "size")


def read(path: Path) -> History:
    """The history in a frame; several rows of one dataset and week are added up.

    Raises:
        TableError: the file cannot be read, a column is missing, or a cell holds something that cannot be.
    """
    return history(table(path, NEEDED, WANTED), str(path))


def history(found: Any, origin: str, span: Span | None = None) -> History:
    """The history in an Arrow table; with ``span``, the weeks of the whole, it is an unordered part of a frame.

    Raises:
        TableError: a cell holds something that cannot be.
    """
    measures = {
        name: numbers(found, name, origin) for name in ("naccess", "nusers", "nsites") if name in found.column_names
    }
    size = numbers(found, "size", origin) if "size" in found.column_names else None
    first_row = 1 if span is None else None
    rows = Rows(texts(found, "dataset"), days(found, "week", origin), measures, size, origin, first_row)
    return assemble(rows, named=True, span=span)
