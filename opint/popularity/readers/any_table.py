"""Access tables of any of the known kinds, told apart by their content."""

import gzip
from collections.abc import Callable
from pathlib import Path

from opint.popularity.errors import TableError
from opint.popularity.history import History
from opint.popularity.readers import atlas_groups, cms_series, frames
from opint.popularity.readers.columns import PARQUET

GZIP = b"\x1f\x8b"
_HEAD_BYTES = 4096


def read(path: Path) -> History:
    """The history in a series of CMS, a table of ATLAS groups, or a data frame of datasets and weeks (CSV, Parquet).

    Raises:
        TableError: the file cannot be read, or is not as the reader of its kind says.
    """
    return _reader(path)(path)


def _reader(path: Path) -> Callable[[Path], History]:
    try:
        with path.open("rb") as file:
            begin = file.read(len(PARQUET))
        if begin == PARQUET:
            return frames.read
        with gzip.open(path, "rb") if begin.startswith(GZIP) else path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, EOFError) as error:
        hint = "a table of weekly accesses is needed, CSV (plain or gzip) or Parquet"
        raise TableError(str(path), "file", str(error), hint) from None
    if b"Length:" in head:
        return cms_series.read
    return atlas_groups.read if b"WORKINGGROUP" in head.partition(b"\n")[0] else frames.read
