"""Parquet tables of CSC segment times: one row for each run, as AutoDQM's CSC study publishes them.

Columns that are read, by name: ``run``, ``entries``, ``counts`` (list of integers), ``lhc_fill``,
``run_lumi`` (1/pb). Each run becomes one batch of LS 0 (the whole run) with one ME,
``CSC/Segments/segment_time``, whose axis counts bins because the table gives no times. Runs come in order.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from streams.codecs.envelope import Envelope, lumisection_key
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.files.assemble import Row, batch_of, histogram_of_cells, placed
from streams.records import Axis, Conditions, HistogramBatch, MonitoringElement

DATASET = "/CSC/Run2017/DQM"
SUBSYSTEM = "CSC"
ME = "CSC/Segments/segment_time"

_COLUMNS = ("run", "entries", "counts", "lhc_fill", "run_lumi")


def read(path: Path, limits: Limits) -> Iterator[HistogramBatch | DecodeError]:
    """One batch for each run, in run order; raises OSError if the file cannot be read."""
    try:
        rows = _rows(path, limits)
    except DecodeError as error:
        yield error
        return
    for number, row in sorted(enumerate(rows), key=lambda item: _order(item[1])):
        place = f"{path.name} row {number}"
        try:
            yield _batch(row, place, limits)
        except DecodeError as error:
            yield placed(error, place)


def _rows(path: Path, limits: Limits) -> list[dict[str, Any]]:
    with path.open("rb") as raw:
        try:
            return _read_table(pq.ParquetFile(raw), path.name, limits)
        except DecodeError:
            raise
        # A damaged file makes pyarrow fail in ways that have no common base.
        except Exception as error:
            raise DecodeError("bad-parquet", path.name, f"{type(error).__name__}: {error}") from None


def _read_table(file: Any, name: str, limits: Limits) -> list[dict[str, Any]]:
    absent = sorted(set(_COLUMNS) - set(file.schema_arrow.names))
    if absent:
        hint = f"columns {', '.join(_COLUMNS)} are needed"
        raise DecodeError("missing-column", f"{name}: columns", ", ".join(absent), hint)
    groups = range(file.metadata.num_row_groups)
    limits.check_bytes(sum(file.metadata.row_group(i).total_byte_size for i in groups), name)
    rows: list[dict[str, Any]] = file.read(columns=list(_COLUMNS)).to_pylist()
    return rows


def _order(row: dict[str, Any]) -> int:
    run = row["run"]
    return run if isinstance(run, int) else -1


def _batch(row: dict[str, Any], place: str, limits: Limits) -> HistogramBatch:
    counts, entries = row["counts"], row["entries"]
    if not isinstance(counts, list) or not all(isinstance(count, int) for count in counts):
        raise DecodeError("wrong-type", "counts", counts, "a list of integers is needed")
    if not isinstance(entries, int | float):
        raise DecodeError("wrong-type", "entries", entries, "a number is needed")
    me = MonitoringElement(ME, (Axis(len(counts), 0.0, float(len(counts)), "segment time bin"),))
    cells = np.pad(np.array(counts, np.int64), 1)
    conditions = Conditions(fill=row["lhc_fill"], recorded_lumi=row["run_lumi"])
    envelope = Envelope(lumisection_key(row["run"], 0), DATASET, SUBSYSTEM, conditions)
    return batch_of([Row(envelope, histogram_of_cells(me, cells, float(entries), limits), place)])
