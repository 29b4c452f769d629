"""Anonymised weekly series of CMS: one block of lines for each dataset.

A block is a line ``Length: N dataset: ID dbs: D``, the line ``tstamp,naccess`` and N lines
``YYYYMMDD-YYYYMMDD,COUNT``. A count written ``0`` fills a gap of the record, ``0.0`` was recorded as none; both count
as no access. Weeks of one file keep to two clocks, of which one begins anew each year.
"""

import gzip
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from opint.popularity.assemble import Rows, assemble
from opint.popularity.errors import TableError
from opint.popularity.history import History
from opint.popularity.weeks import parse_period

_BLOCK = re.compile(r"Length: (?P<length>\d{1,6}) dataset: (?P<dataset>\w+) dbs: (?P<dbs>\w+)")
_HEADING = "tstamp,naccess"


def read(path: Path) -> History:
    """The series of a file, compressed or not; a dataset is called ``ID@D``.

    Raises:
        TableError: the file cannot be read or is not as this module says.
    """
    names: list[str] = []
    days: list[np.datetime64] = []
    counts: list[float] = []
    numbers: list[int] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for name, number, line in _lines(enumerate(lines, start=1), str(path)):
                where = f"{path}, line {number}"
                period, _, count = line.partition(",")
                names.append(name)
                days.append(np.datetime64(parse_period(period, where)))
                counts.append(_count(count, where))
                numbers.append(number)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise TableError(str(path), "file", str(error), "a text of weekly series is needed, plain or gzip") from None
    rows = Rows(names, np.array(days), {"naccess": np.array(counts)}, None, str(path), np.array(numbers, dtype=np.intp))
    return assemble(rows, named=False)


def _lines(lines: Iterator[tuple[int, str]], origin: str) -> Iterator[tuple[str, int, str]]:
    """Name of the dataset, number and text of each line of data."""
    for number, line in lines:
        text = line.strip()
        block = _BLOCK.fullmatch(text)
        if block is None:
            # What stands before the first block is a preface; anything else but empty lines is a fault.
            if text and not text.startswith("Number of"):
                raise TableError(
                    f"{origin}, line {number}", "block", repr(text), "expected 'Length: N dataset: ID dbs: D'"
                )
            continue
        heading = next(lines, (number, ""))[1].strip()
        if heading != _HEADING:
            raise TableError(f"{origin}, line {number + 1}", "heading", repr(heading), f"expected {_HEADING!r}")
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
