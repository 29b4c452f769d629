"""Tables of weekly accesses, recognised by their content.

A frame in the manner of DCAFPilot (V. Kuznetsov et al., arXiv:1602.07226) has one row per dataset and week, as CSV or
Parquet, in one file or a folder of files. ``dataset`` (``/primary/processed/TIER``), ``week`` (its first day) and
``naccess`` are needed; ``nusers``, ``nsites`` and ``size`` (bytes) are optional. Other columns are ignored: most of
them (``totcpu``, ``cpu``, ``wct``, ``proc_evts`` …) are known only when the week is over. A table without a slash in
any name is anonymous: its names carry no information, and any text will do.

An anonymised CMS series has one block of lines per dataset: a line ``Length: N dataset: ID dbs: D``, the line
``tstamp,naccess`` and N lines ``YYYYMMDD-YYYYMMDD,COUNT``. A count ``0`` fills a gap in the record, ``0.0`` is a
recorded zero; both count as no access. The weeks of one file follow two calendars, one of which begins anew each year.

An ATLAS table (CSV) has the columns DATETIME, WORKINGGROUP, INPUT_FORMAT_SHORT, INPUT_FORMAT_DESC, INPUT_PROJECT,
N_TASKS and N_FILES. Each group stands for a dataset called ``/project/workinggroup-description/FORMAT``, so that its
format takes the place of the data tier; its tasks count as accesses.
"""

import gzip
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from opint.popularity.assemble import AccessRows, WeekSpan, assemble
from opint.popularity.errors import TableError, Warn
from opint.popularity.history import NAME_SHAPE, History, is_name, parse_period
from opint.popularity.tables import PARQUET, days, numbers, read_columns, texts

_SERIES_BLOCK = re.compile(r"Length: (?P<length>\d{1,6}) dataset: (?P<dataset>\w+) dbs: (?P<dbs>\w+)")
_SERIES_HEADING = "tstamp,naccess"
_TEXTS = ("WORKINGGROUP", "INPUT_FORMAT_SHORT", "INPUT_FORMAT_DESC", "INPUT_PROJECT")
_NUMBERS = ("N_TASKS", "N_FILES")


def read_cms_series(path: Path) -> History:
    """The series of a file, compressed or not; a dataset is called ``ID@D``.

    Raises:
        TableError: the file cannot be read, or a line is not as described above.
    """
    names: list[str] = []
    days: list[np.datetime64] = []
    counts: list[float] = []
    numbers: list[int] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for name, number, line in _series_rows(enumerate(lines, start=1), str(path)):
                where = f"{path}, line {number}"
                period, _, count = line.partition(",")
                names.append(name)
                days.append(np.datetime64(parse_period(period, where)))
                counts.append(_count(count, where))
                numbers.append(number)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise TableError(str(path), "file", str(error), "a text of weekly series is needed, plain or gzip") from None
    rows = AccessRows(
        names, np.array(days), {"naccess": np.array(counts)}, None, str(path), np.array(numbers, dtype=np.intp)
    )
    return assemble(rows, named=False)


def _series_rows(lines: Iterator[tuple[int, str]], origin: str) -> Iterator[tuple[str, int, str]]:
    """Name of the dataset, number and text of each line of data."""
    for number, line in lines:
        text = line.strip()
        block = _SERIES_BLOCK.fullmatch(text)
        if block is None:
            # A preface may precede the first block; any other line that is not empty is an error.
            if text and not text.startswith("Number of"):
                raise TableError(
                    f"{origin}, line {number}", "block", repr(text), "expected 'Length: N dataset: ID dbs: D'"
                )
            continue
        heading = next(lines, (number, ""))[1].strip()
        if heading != _SERIES_HEADING:
            raise TableError(f"{origin}, line {number + 1}", "heading", repr(heading), f"expected {_SERIES_HEADING!r}")
        length, name = int(block["length"]), f"{block['dataset']}@{block['dbs']}"
        rows = list(islice(lines, length))
        if len(rows) < length:
            raise TableError(
                f"{origin}, line {number}", "Length", length, f"the file ends after {len(rows)} rows of it"
            )
        yield from ((name, at, row.strip()) for at, row in rows)


def _count(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise TableError(where, "naccess", repr(text), "a number is needed") from None


def read_atlas_groups(path: Path) -> History:
    """The groups of a file, compressed or not.

    Raises:
        TableError: the file cannot be read, or a column is missing or invalid.
    """
    content = read_columns(path, ("DATETIME", *_TEXTS, *_NUMBERS))
    group, short, described, project = (texts(content, name, str(path)) for name in _TEXTS)
    names = [
        f"/{_name_part(p)}/{_name_part(g)}-{_name_part(d)}/{_name_part(s).upper()}"
        for g, s, d, p in zip(group, short, described, project, strict=True)
    ]
    measures = {"naccess": numbers(content, "N_TASKS", str(path))}
    number = np.arange(1, len(names) + 1)
    return assemble(
        AccessRows(names, days(content, "DATETIME", str(path)), measures, None, str(path), number), named=True
    )


def _name_part(text: str) -> str:
    """The text with letters and digits alone; ``none`` for an empty text."""
    cleaned = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in text).strip("_")
    return cleaned or "none"


NEEDED_COLUMNS = ("dataset", "week", "naccess")
OPTIONAL_COLUMNS = ("nusers", "nsites", "size")
LEAST_NAMED_SHARE = 0.5
"""Smallest share of rows with a valid name; a table with fewer, but more than none, is rejected."""
GZIP = b"\x1f\x8b"
CMS_SERIES_MARK = b"Length:"
"""Occurs near the beginning of a CMS series."""
ATLAS_GROUPS_MARK = b"WORKINGGROUP"
"""Occurs in the first line of a table of ATLAS groups."""
_HEAD_BYTES = 4096


def read_frame(path: Path, warn: Warn) -> History:
    """The history in a frame; several rows of one dataset and week are added up.

    Rows without a valid name are left out, and ``warn`` is called with their number.

    Raises:
        TableError: the file cannot be read, a column is missing, a cell is invalid, or most names are.
    """
    content, origin = read_columns(path, NEEDED_COLUMNS, OPTIONAL_COLUMNS), str(path)
    rows = _rows(content, origin, np.arange(1, len(content) + 1))
    names = {name: is_name(name) for name in set(rows.dataset)}
    sound = np.array([names[name] for name in rows.dataset], dtype=np.bool_)
    if sound.all() or is_anonymous(names):
        return assemble(rows, named=bool(sound.all()))
    row = int(np.argmin(sound))
    check_odd_names(int((~sound).sum()), len(sound), f"row {row + 1}", rows.dataset[row], origin, warn)
    return assemble(rows.only(np.flatnonzero(sound)), named=True)


def is_anonymous(names: Iterable[str]) -> bool:
    """Whether no text even resembles the name of a dataset."""
    return not any("/" in name or not name for name in names)


def check_odd_names(odd: int, rows: int, place: str, example: str, origin: str, warn: Warn) -> None:
    """Warn that ``odd`` of the ``rows`` are left out, such as the ``example`` at ``place``.

    Raises:
        TableError: they are most of the table.
    """
    if rows - odd < LEAST_NAMED_SHARE * rows:
        raise TableError(
            f"{origin}, {place}", "dataset", repr(example), f"{NAME_SHAPE}; {odd:,} of {rows:,} rows have none"
        )
    warn(
        f"{origin}: {odd:,} of {rows:,} rows are left out, their dataset is no name ({place}, {example!r}); "
        + NAME_SHAPE
    )


def read_part(content: Any, origin: str, span: WeekSpan, *, named: bool) -> History:
    """The history in an Arrow table: an unordered part of a frame that was checked as a whole and has weeks ``span``.

    Raises:
        TableError: a cell is invalid.
    """
    return assemble(_rows(content, origin, None), named=named, span=span)


def _rows(content: Any, origin: str, number: Any) -> AccessRows:
    columns = content.column_names
    measures = {name: numbers(content, name, origin) for name in ("naccess", "nusers", "nsites") if name in columns}
    size = numbers(content, "size", origin) if "size" in columns else None
    return AccessRows(texts(content, "dataset", origin), days(content, "week", origin), measures, size, origin, number)


def read_history(path: Path, warn: Warn) -> History:
    """The history in a CMS series, a table of ATLAS groups, or a frame of datasets and weeks (CSV, Parquet).

    ``warn`` is called with what is left out.

    Raises:
        TableError: the file cannot be read, or its content is invalid.
    """
    if path.is_dir():
        return read_frame(path, warn)
    try:
        with path.open("rb") as file:
            begin = file.read(len(PARQUET))
        if begin == PARQUET:
            return read_frame(path, warn)
        with gzip.open(path, "rb") if begin.startswith(GZIP) else path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, EOFError) as error:
        hint = "a table of weekly accesses is needed, CSV (plain or gzip) or Parquet"
        raise TableError(str(path), "file", str(error), hint) from None
    if CMS_SERIES_MARK in head:
        return read_cms_series(path)
    return read_atlas_groups(path) if ATLAS_GROUPS_MARK in head.partition(b"\n")[0] else read_frame(path, warn)
