"""Parquet tables of histograms: rows of CMS DIALS, or the CSC segment times that AutoDQM's CSC study publishes.

The columns say which. Rows of DIALS are read as :mod:`streams.files.dials` says. A row of CSC segment times is a run.
Columns that are read, by name: ``run``, ``entries``, ``counts`` (list of integers), ``lhc_fill``, ``run_lumi`` (1/pb).
Each run becomes one batch of LS 0 (the whole run) with one ME, ``CSC/Segments/segment_time``, whose axis counts bins
because the table gives no times. Runs come in order.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from streams.codecs.envelope import read_envelope
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.files import dials
from streams.files.assemble import Row, batch_of, histogram_of_cells, placed
from streams.files.layout import FileLayout
from streams.files.tables import check_columns, converted
from streams.records import Axis, HistogramBatch, MonitoringElement

DATASET = "/CSC/Run2017/DQM"
SUBSYSTEM = "CSC"
ME = "CSC/Segments/segment_time"

_COLUMNS = ("run", "entries", "counts", "lhc_fill", "run_lumi")


def read(path: Path, limits: Limits, layout: FileLayout) -> Iterator[HistogramBatch | DecodeError]:
    """Batches of the table's rows; raises OSError if the file cannot be read."""
    try:
        names, rows = _table(path, limits)
    except DecodeError as error:
        yield error
        return
    yield from dials.batches(rows, path.name, limits, layout) if dials.is_table(names) else _runs(rows, path, limits)


def _runs(rows: list[dict[str, Any]], path: Path, limits: Limits) -> Iterator[HistogramBatch | DecodeError]:
    for number, row in sorted(enumerate(rows), key=lambda item: _order(item[1])):
        place = f"{path.name} row {number}"
        try:
            yield _batch(row, place, limits)
        except DecodeError as error:
            yield placed(error, place)


def _table(path: Path, limits: Limits) -> tuple[list[str], list[dict[str, Any]]]:
    """The names of the table's columns, and its rows."""
    with path.open("rb") as raw:
        try:
            file = pq.ParquetFile(raw)
            names = file.schema_arrow.names
            needed, columns = (dials.NEEDED, dials.COLUMNS) if dials.is_table(names) else (_COLUMNS, _COLUMNS)
            check_columns(names, needed)
            groups = range(file.metadata.num_row_groups)
            limits.check_bytes(sum(file.metadata.row_group(i).total_byte_size for i in groups), "table")
            table = file.read(columns=[name for name in columns if name in names])
            for place, name in enumerate(table.column_names):
                if name in dials.TEXTS:
                    table = table.set_column(place, name, converted(table[name], pa.string(), name))
            rows = table.to_pylist()
        except DecodeError as error:
            raise placed(error, path.name) from None
        # A damaged file makes pyarrow fail in ways that have no common base.
        except Exception as error:
            raise DecodeError("bad-parquet", path.name, f"{type(error).__name__}: {error}") from None
    # NaN is unlike itself: pandas writes it for a number that is not there.
    rows = [{name: value for name, value in row.items() if value == value} for row in rows]  # noqa: PLR0124
    return names, rows


def _order(row: dict[str, Any]) -> int:
    run = row.get("run")
    return int(run) if isinstance(run, int | float) else -1


def _batch(row: dict[str, Any], place: str, limits: Limits) -> HistogramBatch:
    counts, entries = row.get("counts"), row.get("entries")
    if not isinstance(counts, list) or not all(isinstance(count, int | float) for count in counts):
        raise DecodeError("wrong-type", "counts", counts, "a list of numbers is needed")
    if not isinstance(entries, int | float):
        raise DecodeError("wrong-type", "entries", entries, "a number is needed")
    me = MonitoringElement(ME, (Axis(len(counts), 0.0, float(len(counts)), "segment time bin"),))
    cells = np.pad(np.array(counts), 1)
    run, fill = dials.whole(row.get("run")), dials.whole(row.get("lhc_fill"))
    place_of = {"run": run, "ls": 0, "dataset": DATASET, "subsystem": SUBSYSTEM}
    envelope = read_envelope(place_of | {"fill": fill, "recorded_lumi": row.get("run_lumi")})
    return batch_of([Row(envelope, histogram_of_cells(me, cells, float(entries), limits), place)])
