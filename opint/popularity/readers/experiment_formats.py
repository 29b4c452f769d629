"""The formats of two public data sets: weekly series of CMS and weekly tasks of ATLAS.

An anonymised CMS series has one block of lines per dataset: a line ``Length: N dataset: ID dbs: D``, the line
``tstamp,naccess`` and N lines ``YYYYMMDD-YYYYMMDD,COUNT``. A count ``0`` fills a gap in the record, ``0.0`` is a
recorded zero; both count as no access. The weeks of one file follow two calendars, one of which begins anew each year.

An ATLAS table (CSV) has the columns DATETIME, WORKINGGROUP, INPUT_FORMAT_SHORT, INPUT_FORMAT_DESC, INPUT_PROJECT,
N_TASKS and N_FILES. Each group stands for a dataset called ``/project/workinggroup-description/FORMAT``, so that its
format takes the place of the data tier; its tasks count as accesses.
"""

import gzip
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from opint.popularity.assemble import AccessRows, assemble
from opint.popularity.errors import TableError
from opint.popularity.history import History
from opint.popularity.readers.columns import days, numbers, read_columns, texts
from opint.popularity.weeks import parse_period

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
    kept = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in text).strip("_")
    return kept or "none"
