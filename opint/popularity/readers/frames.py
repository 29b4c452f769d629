"""Data frames in the manner of DCAFPilot (V. Kuznetsov et al., arXiv:1602.07226): a row a dataset and week.

CSV or Parquet. ``dataset`` (``/primary/processed/TIER``), ``week`` (its first day) and ``naccess`` are needed;
``nusers``, ``nsites`` and ``size`` (bytes) are read where they are there. Other columns are left alone: most of
them (``totcpu``, ``cpu``, ``wct``, ``proc_evts`` …) are only known when the week that they describe is over.
"""

from pathlib import Path

from opint.popularity.assemble import Rows, assemble
from opint.popularity.history import History
from opint.popularity.readers.columns import days, numbers, table, texts

NEEDED = ("dataset", "week", "naccess")
WANTED = ("nusers", "nsites", "size")


def read(path: Path) -> History:
    """The history in a frame; several rows of one dataset and week are added up.

    Raises:
        TableError: the file cannot be read, a column is missing, or a cell holds something that cannot be.
    """
    origin = str(path)
    found = table(path, NEEDED, WANTED)
    measures = {
        name: numbers(found, name, origin) for name in ("naccess", "nusers", "nsites") if name in found.column_names
    }
    size = numbers(found, "size", origin) if "size" in found.column_names else None
    return assemble(Rows(texts(found, "dataset"), days(found, "week", origin), measures, size, origin), named=True)
