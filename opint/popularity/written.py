"""Histories and forecasts as tables that others read."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from opint.popularity.errors import PopularityError
from opint.popularity.history import History


def write_history(history: History, path: Path) -> int:
    """Write a data frame that :mod:`opint.popularity.readers.frames` reads; how many rows it has.

    Raises PopularityError if the file cannot be written.
    """
    table = history_table(history)
    write_table(table, path)
    return len(table)


def history_table(history: History) -> pa.Table:
    """A row for each dataset and week from the first in which it is known on."""
    dataset, week = np.nonzero(history.exists)
    starts = np.array([history.weeks.start(row) for row in range(history.shape[1])], dtype="datetime64[D]")
    columns = {
        "dataset": pa.array([history.names[row] for row in dataset]),
        "week": pa.array(starts[week]),
        **{name: pa.array(row[dataset, week].astype(np.int64)) for name, row in history.measures.items()},
        "size": pa.array(history.size_bytes[dataset]),
    }
    return pa.table(columns)


def write_table(table: pa.Table, path: Path) -> None:
    """Write CSV or, by the ending ``.parquet``, Parquet; raises PopularityError if that cannot be done."""
    unfinished = path.with_name(path.name + ".tmp")
    try:
        if path.suffix.lower() == ".parquet":
            parquet.write_table(table, unfinished)
        else:
            csv.write_csv(table, unfinished)
        unfinished.replace(path)
    except (OSError, pa.ArrowException) as error:
        raise PopularityError(f"{path} cannot be written: {error}") from error
