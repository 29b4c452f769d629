"""Access tables of any of the known kinds, told apart by their content."""

import gzip
from pathlib import Path

from opint.popularity.errors import TableError, Warn
from opint.popularity.history import History
from opint.popularity.readers import atlas_groups, cms_series, frames
from opint.popularity.readers.columns import PARQUET

GZIP = b"\x1f\x8b"
CMS_SERIES = b"Length:"
"""Stands near the beginning of a series of CMS."""
ATLAS_GROUPS = b"WORKINGGROUP"
"""Stands in the first line of a table of ATLAS groups."""
_HEAD_BYTES = 4096


def read(path: Path, warn: Warn) -> History:
    """The history in a series of CMS, a table of ATLAS groups, or a data frame of datasets and weeks (CSV, Parquet).

    ``warn`` hears what of it is left out.

    Raises:
        TableError: the file cannot be read, or is not as the reader of its kind says.
    """
    if path.is_dir():
        return frames.read(path, warn)
    try:
        with path.open("rb") as file:
            begin = file.read(len(PARQUET))
        if begin == PARQUET:
            return frames.read(path, warn)
        with gzip.open(path, "rb") if begin.startswith(GZIP) else path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, EOFError) as error:
        hint = "a table of weekly accesses is needed, CSV (plain or gzip) or Parquet"
        raise TableError(str(path), "file", str(error), hint) from None
    if CMS_SERIES in head:
        return cms_series.read(path)
    return atlas_groups.read(path) if ATLAS_GROUPS in head.partition(b"\n")[0] else frames.read(path, warn)
