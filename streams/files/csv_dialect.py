"""The CSV dialect of CMS per-lumisection histograms: one line holds one ME in one lumisection.

Columns, by name (some tables repeat a few; the first counts): ``fromrun, fromlumi, hname, metype, histo,
entries, Xmin, Xmax, Xbins, Ymin, Ymax, Ybins``. ``metype`` 3 is a TH1F, 6 a TH2F. ``histo`` is a list of
Xbins + 2 numbers, or (Xbins + 2)(Ybins + 2) with x running fastest, as ROOT counts its cells: flow cells
included. The table names no dataset. The subsystem is the first part of the ME's path; names without one, and columns
of other names, are what :class:`streams.files.layout.FileLayout` is for. A table whose columns are those of CMS DIALS
is read as :mod:`streams.files.dials` says.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
import orjson

from streams.codecs.envelope import Envelope, lumisection_key
from streams.codecs.limits import Limits
from streams.codecs.values import check_text
from streams.errors import DecodeError
from streams.files import dials
from streams.files.assemble import Row, group, histogram_of_cells, placed
from streams.files.layout import FileLayout
from streams.files.tables import check_columns
from streams.records import Axis, Conditions, HistogramBatch, MonitoringElement

_SIDES = {"3": "X", "6": "XY"}
_RANGES = [f"{side}{what}" for side in "XY" for what in ("min", "max", "bins")]
_COLUMNS = ("fromrun", "fromlumi", "hname", "metype", "histo", "entries", *_RANGES)
"""Under these names a layout gives the columns of other tables."""


def read(path: Path, limits: Limits, layout: FileLayout) -> Iterator[HistogramBatch | DecodeError]:
    """Batches of neighbouring lines of one lumisection; one line at a time is read.

    A line that cannot be read is reported, and reading goes on with the next; so is a file whose text is
    broken, and reading ends. Raises OSError if the file cannot be read.
    """
    # The module's own limit on a field is 128 KiB, less than a large map takes; lines are limited below.
    csv.field_size_limit(max(csv.field_size_limit(), limits.max_message_bytes))
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = _lines(csv.reader(_limited(file, limits), strict=True), path.name)
        _, names = next(lines, (1, []))
        if isinstance(names, DecodeError):
            yield names
        elif dials.is_table(names):
            rows = (fields if isinstance(fields, DecodeError) else _texts(names, fields) for _, fields in lines)
            yield from dials.batches(rows, path.name, limits, layout)
        else:
            try:
                columns = _header(names, layout)
            except DecodeError as error:
                yield placed(error, path.name)
                return
            yield from group(_rows(columns, lines, path.name, limits, layout), limits)


def _lines(reader: Any, name: str) -> Iterator[tuple[int, list[str] | DecodeError]]:
    """Number and fields of the lines that are not empty; what ends the reading stands in place of the last."""
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except DecodeError as error:
        yield reader.line_num, placed(error, name)
    except csv.Error as error:
        yield reader.line_num, DecodeError("bad-csv", f"{name} line {reader.line_num}", str(error))


def _limited(file: TextIO, limits: Limits) -> Iterator[str]:
    while line := file.readline(limits.max_message_bytes + 1):
        limits.check_bytes(len(line), "line")
        yield line


def _texts(names: list[str], fields: list[str]) -> dict[str, object]:
    return dials.of_texts(dict(zip(names, fields, strict=False)))


def _header(names: list[str], layout: FileLayout) -> dict[str, int]:
    """Place of each column that is read, by the dialect's name."""
    names = [name.strip() for name in names]
    check_columns(names, [layout.columns.get(column, column) for column in _COLUMNS])
    return {column: names.index(layout.columns.get(column, column)) for column in _COLUMNS}


def _rows(
    columns: Mapping[str, int],
    lines: Iterable[tuple[int, list[str] | DecodeError]],
    name: str,
    limits: Limits,
    layout: FileLayout,
) -> Iterator[Row | DecodeError]:
    last = max(columns.values())
    for number, line in lines:
        if isinstance(line, DecodeError):
            yield line
            continue
        place = f"{name} line {number}"
        try:
            if len(line) <= last:
                raise DecodeError("wrong-column-count", "line", len(line), f"the header has {last + 1}")
            fields = {column: line[index] for column, index in columns.items()}
            for column, text in fields.items():
                if not text.isascii() and text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") != text:
                    raw = text.encode("utf-8", "surrogateescape")
                    raise DecodeError("not-utf8", column, raw, "write the text in UTF-8")
            yield _row(fields, place, limits, layout)
        except DecodeError as error:
            yield placed(error, place)


def _row(fields: Mapping[str, str], place: str, limits: Limits, layout: FileLayout) -> Row:
    name = check_text(fields["hname"], "hname")
    key = lumisection_key(_integer(fields, "fromrun"), _integer(fields, "fromlumi"))
    subsystem = check_text(layout.subsystem_of(name), "subsystem")
    envelope = Envelope(key, layout.dataset, subsystem, Conditions())
    sides = _SIDES.get(fields["metype"].strip().removesuffix(".0"))
    if sides is None:
        raise DecodeError("unsupported-metype", "metype", fields["metype"], "3 (TH1F) and 6 (TH2F) are read")
    axes = tuple(_axis(fields, side) for side in sides)
    cells = _cells(fields["histo"], axes)
    histogram = histogram_of_cells(MonitoringElement(name, axes), cells, _float(fields, "entries"), limits)
    return Row(envelope, histogram, place)


def _axis(fields: Mapping[str, str], side: str) -> Axis:
    bins = _integer(fields, f"{side}bins")
    return Axis(bins, _float(fields, f"{side}min"), _float(fields, f"{side}max"), side.lower())


def _integer(fields: Mapping[str, str], field: str) -> int:
    number = _float(fields, field)
    if not number.is_integer():
        raise DecodeError("wrong-type", field, fields[field], "an integer is needed")
    return int(number)


def _float(fields: Mapping[str, str], field: str) -> float:
    try:
        return float(fields[field])
    except ValueError:
        raise DecodeError("wrong-type", field, fields[field], "a number is needed") from None


def _cells(text: str, axes: tuple[Axis, ...]) -> npt.NDArray[Any]:
    """Cells with flow, x first; those of a map stand y by y in the text."""
    try:
        cells = np.array(orjson.loads(text))
    except (orjson.JSONDecodeError, ValueError) as error:
        raise DecodeError("bad-json", "histo", text, str(error)) from None
    if cells.ndim != 1 or cells.dtype.kind not in "if":
        raise DecodeError("wrong-type", "histo", text, "a flat list of numbers is needed")
    if len(axes) == 2 and cells.size == (axes[0].bins + 2) * (axes[1].bins + 2):
        return cells.reshape(axes[1].bins + 2, axes[0].bins + 2).T
    return cells
