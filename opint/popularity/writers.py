"""Writing histories and other tables as CSV or Parquet."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from opint.popularity.errors import PopularityError
from opint.popularity.history import History


def write_history(history: History, path: Path) -> int:
    """Write a data frame that :mod:`opint.popularity.readers.access_table` reads; returns its number of rows.

    Raises PopularityError if the file cannot be written.
    """
    table = history_table(history)
    write_table(table, path)
    return len(table)


def history_table(history: History) -> pa.Table:
    """One row per dataset and week, from the first week in which the dataset is known."""
    dataset, week = np.nonzero(history.exists)
    starts = np.array([history.weeks.start(week) for week in range(history.shape[1])], dtype="datetime64[D]")
    columns = {
        "dataset": pa.array([history.names[row] for row in dataset]),
        "week": pa.array(starts[week]),
        **{name: pa.array(counts[dataset, week].astype(np.int64)) for name, counts in history.measures.items()},
        "size": pa.array(history.size_bytes[dataset]),
    }
    return pa.table(columns)


def write_table(table: pa.Table, path: Path) -> None:
    """Write CSV or, by the ending ``.parquet``, Parquet; raises PopularityError if that fails."""
    unfinished = path.with_name(path.name + ".tmp")
    try:
        if path.suffix.lower() == ".parquet":
            parquet.write_table(table, unfinished)
        else:
            csv.write_csv(table, unfinished)
        unfinished.replace(path)
    except (OSError, pa.ArrowException) as error:
        raise PopularityError(f"{path} cannot be written: {error}") from error
