"""The CSV dialect of CMS per-lumisection histograms: one line holds one ME in one lumisection.

Columns, by name (some tables repeat a few; the first counts): ``fromrun, fromlumi, hname, metype, histo,
entries, Xmin, Xmax, Xbins, Ymin, Ymax, Ybins``. ``metype`` 3 is a TH1F, 6 a TH2F. ``histo`` is a list of
Xbins + 2 numbers, or (Xbins + 2)(Ybins + 2) with x running fastest, as ROOT counts its cells: flow cells
included. The table names no dataset. The subsystem is the first part of the ME's path or, for names
without one, the stem of the file's name.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
import orjson

from streams.codecs.checks import check_text
from streams.codecs.envelope import Envelope, lumisection_key
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.files.assemble import UNKNOWN_DATASET, Row, group, histogram_of_cells, placed
from streams.records import Axis, Conditions, HistogramBatch, MonitoringElement

_SIDES = {"3": "X", "6": "XY"}
_RANGES = [f"{side}{what}" for side in "XY" for what in ("min", "max", "bins")]
_COLUMNS = {"fromrun", "fromlumi", "hname", "metype", "histo", "entries", *_RANGES}


def read(path: Path, limits: Limits) -> Iterator[HistogramBatch | DecodeError]:
    """Batches of neighbouring lines of one lumisection; one line at a time is read.

    A line that cannot be read is reported, and reading goes on with the next; so is a file whose text is
    broken, and reading ends. Raises OSError if the file cannot be read.
    """
    yield from group(_rows(path, limits), limits)


def _rows(path: Path, limits: Limits) -> Iterator[Row | DecodeError]:
    # The module's own limit on a field is 128 KiB, less than a large map takes; lines are limited below.
    csv.field_size_limit(max(csv.field_size_limit(), limits.max_message_bytes))
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(_lines(file, limits), strict=True)
        try:
            columns = _header(next(lines, []))
            for line in lines:
                yield _row(columns, line, path, lines.line_num, limits)
        except DecodeError as error:
            yield placed(error, path.name)
        except (csv.Error, UnicodeDecodeError) as error:
            yield DecodeError("bad-csv", f"{path.name} line {lines.line_num}", str(error))


def _lines(file: TextIO, limits: Limits) -> Iterator[str]:
    while line := file.readline(limits.max_message_bytes + 1):
        limits.check_bytes(len(line), "line")
        yield line


def _header(names: list[str]) -> dict[str, int]:
    columns = {name: index for index, name in reversed(list(enumerate(names)))}
    absent = sorted(_COLUMNS - columns.keys())
    if absent:
        raise DecodeError("missing-column", "header", ", ".join(absent), "the first line names the columns")
    return columns


def _row(columns: Mapping[str, int], line: list[str], path: Path, number: int, limits: Limits) -> Row | DecodeError:
    place = f"{path.name} line {number}"
    try:
        if len(line) <= max(columns.values()):
            raise DecodeError("wrong-column-count", "line", len(line), f"the header has {max(columns.values()) + 1}")
        fields = {name: line[index] for name, index in columns.items()}
        return _read_fields(fields, path, place, limits)
    except DecodeError as error:
        return placed(error, place)


def _read_fields(fields: Mapping[str, str], path: Path, place: str, limits: Limits) -> Row:
    name = check_text(fields["hname"], "hname")
    key = lumisection_key(_integer(fields, "fromrun"), _integer(fields, "fromlumi"))
    folder, slash, _ = name.partition("/")
    subsystem = check_text(folder if slash else path.stem, "subsystem")
    envelope = Envelope(key, UNKNOWN_DATASET, subsystem, Conditions())
    sides = _SIDES.get(fields["metype"].strip())
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
    try:
        return int(fields[field])
    except ValueError:
        raise DecodeError("wrong-type", field, fields[field], "an integer is needed") from None


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
