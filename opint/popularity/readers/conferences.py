"""Calendars of conferences: around a conference other data are read than in a quiet week."""

import csv
from datetime import date, datetime
from pathlib import Path

from opint.popularity.errors import TableError
from opint.popularity.history import EARLIEST_DAY, LATEST_DAY

COLUMN = "ds"
MAX_BYTES = 1_000_000
_FORMS = ("%Y-%m-%d", "%d.%m.%Y")


def read_conferences(path: Path) -> tuple[date, ...]:
    """First days in column ``ds`` of a CSV file (comma or semicolon), as 2026-11-25 or 25.11.2026; in order.

    This is the format of holiday calendars for Prophet. Raises TableError for a file, a column or a day that cannot be
    read.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TableError(str(path), "size", f"{path.stat().st_size} bytes", f"at most {MAX_BYTES} are read")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(str(path), "file", str(error), f"a CSV file with column {COLUMN} is needed") from None
    rows = csv.DictReader(lines, delimiter=";" if lines and ";" in lines[0] else ",")
    if COLUMN not in (rows.fieldnames or ()):
        there = ", ".join(rows.fieldnames or ()) or "empty"
        raise TableError(str(path), "columns", there, f"{COLUMN} is missing: the first days of conferences")
    return tuple(sorted({_day(row[COLUMN], f"{path}, row {place}") for place, row in enumerate(rows, start=1)}))


def _day(text: str | None, origin: str) -> date:
    for form in _FORMS:
        try:
            day = datetime.strptime(text or "", form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        if EARLIEST_DAY <= day < LATEST_DAY:
            return day
    raise TableError(origin, COLUMN, repr(text), "a day is needed, as 2026-11-25 or 25.11.2026")
