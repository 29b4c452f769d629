"""Rows of CMS DIALS, each one ME in one lumisection: a JSON list, a page with ``results``, or a JSON row on each line.

A row of a TH1 has ``dataset, me, run_number, ls_number, x_min, x_max, x_bin, entries, data`` (x_bin numbers, no flow
cells); a TH2 has also ``y_min, y_max, y_bin``, and ``data`` is a list of y_bin lists of x_bin numbers, as its heat maps
are drawn. Further keys (ids of DIALS) are ignored. What pandas writes for a number that is not there (null, NaN) is as
good as no key. The subsystem is the first part of the ME's path, that of the layout without one. The same rows come in
Parquet (:mod:`streams.files.parquet`) and CSV (:mod:`streams.files.csv_dialect`), too.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from streams.codecs.envelope import Envelope, lumisection_key
from streams.codecs.json_text import parse_json
from streams.codecs.limits import Limits
from streams.codecs.values import check_number, check_text
from streams.errors import DecodeError
from streams.files.assemble import Row, group, histogram_of_cells, placed
from streams.files.layout import FileLayout
from streams.records import Axis, Conditions, HistogramBatch, MonitoringElement

TEXTS = ("dataset", "me")
NEEDED = (*TEXTS, "run_number", "ls_number", "x_min", "x_max", "x_bin", "entries", "data")
COLUMNS = (*NEEDED, "y_min", "y_max", "y_bin")


def is_table(names: Collection[str]) -> bool:
    """Whether columns of these names are those of DIALS rather than of another table."""
    return "me" in names and "run_number" in names


def read(path: Path, limits: Limits, layout: FileLayout) -> Iterator[HistogramBatch | DecodeError]:
    """Batches of neighbouring rows of one lumisection; raises OSError if the file cannot be read."""
    try:
        limits.check_bytes(path.stat().st_size, path.name)
        rows = _rows(path.read_bytes(), path.name)
        limits.check_histograms(len(rows), path.name)
    except DecodeError as error:
        yield error
        return
    yield from batches(rows, path.name, limits, layout)


def batches(
    rows: Iterable[object], name: str, limits: Limits, layout: FileLayout
) -> Iterator[HistogramBatch | DecodeError]:
    """Batches of neighbouring rows of one lumisection, and an error for each row that cannot be read."""
    yield from group(_read_rows(rows, name, limits, layout), limits)


def of_texts(texts: Mapping[str, str]) -> dict[str, object]:
    """A row whose values are JSON in text, as in CSV; a text that is no JSON stays as it is."""
    row: dict[str, object] = {name: texts[name] for name in TEXTS if name in texts}
    for name in texts.keys() & set(COLUMNS) - set(TEXTS):
        try:
            row[name] = orjson.loads(texts[name]) if texts[name] else None
        except orjson.JSONDecodeError:
            row[name] = texts[name]
    return row


def _rows(raw: bytes, name: str) -> list[Any]:
    try:
        content = parse_json(raw, name)
    except DecodeError as error:
        lines = [line for line in raw.splitlines() if line.strip()]
        if error.reason != "bad-json" or len(lines) < 2:
            raise
        places = [(line, f"{name} line {number}") for number, line in enumerate(lines, 1)]
        return [row for line, place in places for row in _of_line(line, place)]
    return _of_page(content, name)


def _of_line(line: bytes, place: str) -> list[Any]:
    try:
        return _of_page(parse_json(line, place), place)
    except DecodeError as error:
        return [error]


def _of_page(content: Any, place: str) -> list[Any]:
    """The rows in a list, under ``results``, or in a row itself."""
    if isinstance(content, dict):
        content = [content] if is_table(content) else content.get("results")
    if not isinstance(content, list):
        hint = "a list of rows, or one under 'results', is needed"
        raise DecodeError("not-dials", place, type(content).__name__, hint)
    return content


def _read_rows(rows: Iterable[object], name: str, limits: Limits, layout: FileLayout) -> Iterator[Row | DecodeError]:
    for number, raw in enumerate(rows):
        place = f"{name} row {number}"
        if isinstance(raw, DecodeError):
            yield raw
            continue
        try:
            if not isinstance(raw, dict):
                raise DecodeError("not-dials", "row", raw, "an object is needed")
            # NaN is unlike itself.
            yield _row({key: value for key, value in raw.items() if value == value}, place, limits, layout)  # noqa: PLR0124
        except DecodeError as error:
            yield placed(error, place)


def _row(raw: Mapping[str, Any], place: str, limits: Limits, layout: FileLayout) -> Row:
    me = check_text(raw.get("me"), "me")
    key = lumisection_key(whole(raw.get("run_number")), whole(raw.get("ls_number")))
    subsystem = check_text(layout.subsystem_of(me), "subsystem")
    envelope = Envelope(key, check_text(raw.get("dataset"), "dataset"), subsystem, Conditions())
    # Some tables say 0 where there is no y.
    sides = ("x", "y") if raw.get("y_bin") else ("x",)
    axes = tuple(_axis(raw, side, limits) for side in sides)
    data = raw.get("data")
    cells = np.pad(_cells(parse_json(data.encode(), "data") if isinstance(data, str) else data, axes), 1)
    histogram = histogram_of_cells(MonitoringElement(me, axes), cells, _number(raw, "entries"), limits)
    return Row(envelope, histogram, place)


def _axis(raw: Mapping[str, Any], side: str, limits: Limits) -> Axis:
    bins = _number(raw, f"{side}_bin")
    if not bins.is_integer():
        raise DecodeError("wrong-type", f"{side}_bin", bins, "an integer is needed")
    limits.check_bins(int(bins), f"{side}_bin")
    return Axis(int(bins), _number(raw, f"{side}_min"), _number(raw, f"{side}_max"), side)


def whole(value: object) -> object:
    """The value; as an integer where it is a whole float, since a column of integers with a gap comes as floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(raw: Mapping[str, Any], field: str) -> float:
    return check_number(raw.get(field), field)


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
