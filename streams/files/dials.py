"""JSON of CMS DIALS: rows that each hold one ME in one lumisection, as a list or under ``results``.

A row of a TH1 has ``dataset, me, run_number, ls_number, x_min, x_max, x_bin, entries, data`` (x_bin numbers,
no flow cells); a TH2 has also ``y_min, y_max, y_bin``, and ``data`` is a list of y_bin lists of x_bin numbers, as
its heat maps are drawn. Further keys (ids of DIALS) are ignored. The subsystem is the first part of the ME's path.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from streams.codecs.checks import check_text
from streams.codecs.envelope import Envelope, lumisection_key
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.files.assemble import Row, group, histogram_of_cells, placed
from streams.records import Axis, Conditions, HistogramBatch, MonitoringElement


def read(path: Path, limits: Limits) -> Iterator[HistogramBatch | DecodeError]:
    """Batches of neighbouring rows of one lumisection; raises OSError if the file cannot be read."""
    try:
        limits.check_bytes(path.stat().st_size, path.name)
        rows = _rows(path)
        limits.check_histograms(len(rows), path.name)
    except DecodeError as error:
        yield error
        return
    yield from group(_read_rows(rows, path.name, limits), limits)


def _rows(path: Path) -> list[Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise DecodeError("bad-json", path.name, str(error)) from None
    rows = content.get("results") if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise DecodeError(
            "not-dials", path.name, type(rows).__name__, "a list of rows, or one under 'results', is needed"
        )
    return rows


def _read_rows(rows: list[Any], name: str, limits: Limits) -> Iterator[Row | DecodeError]:
    for number, raw in enumerate(rows):
        place = f"{name} row {number}"
        try:
            if not isinstance(raw, dict):
                raise DecodeError("not-dials", "row", raw, "an object is needed")
            yield _row(raw, place, limits)
        except DecodeError as error:
            yield placed(error, place)


def _row(raw: Mapping[str, Any], place: str, limits: Limits) -> Row:
    me = check_text(raw.get("me"), "me")
    key = lumisection_key(raw.get("run_number"), raw.get("ls_number"))
    subsystem = check_text(me.partition("/")[0], "subsystem")
    envelope = Envelope(key, check_text(raw.get("dataset"), "dataset"), subsystem, Conditions())
    sides = ("x", "y") if raw.get("y_bin") is not None else ("x",)
    axes = tuple(_axis(raw, side, limits) for side in sides)
    cells = np.pad(_cells(raw.get("data"), axes), 1)
    histogram = histogram_of_cells(MonitoringElement(me, axes), cells, _number(raw, "entries"), limits)
    return Row(envelope, histogram, place)


def _axis(raw: Mapping[str, Any], side: str, limits: Limits) -> Axis:
    bins = _number(raw, f"{side}_bin")
    if not bins.is_integer():
        raise DecodeError("wrong-type", f"{side}_bin", bins, "an integer is needed")
    limits.check_bins(int(bins), f"{side}_bin")
    return Axis(int(bins), _number(raw, f"{side}_min"), _number(raw, f"{side}_max"), side)


def _number(raw: Mapping[str, Any], field: str) -> float:
    value = raw.get(field)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DecodeError("wrong-type", field, value, "a number is needed")
    return float(value)


def _cells(data: object, axes: tuple[Axis, ...]) -> npt.NDArray[Any]:
    """Counts, x first; raise DecodeError unless ``data`` is a regular list of as many numbers as the axes say."""
    shape = tuple(axis.bins for axis in reversed(axes))
    try:
        cells = np.array(data)
    except ValueError:
        raise DecodeError("wrong-bin-count", "data", "lists of unequal length", f"{shape} is needed") from None
    if cells.dtype.kind not in "if":
        raise DecodeError("wrong-type", "data", data, "lists of numbers are needed")
    if cells.shape != shape:
        raise DecodeError("wrong-bin-count", "data", cells.shape, f"{shape} is needed")
    return cells.T
