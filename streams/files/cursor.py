"""Reading one file record by record, from any record on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.files import read_file, reader_of
from streams.records import HistogramBatch

Record = HistogramBatch | bytes | DecodeError
"""One record of a file: decoded, as it is, or why it is not there."""

Read = Callable[[Path, Limits], Iterator[Record]]
"""How the records of a file are read, in order."""


class Cursor:
    """A place in a file: ``offset`` is the number of the record that :meth:`take` gives next.

    One record is read ahead, so that the end is known as soon as the last record has been taken.
    """

    def __init__(self, path: Path, limits: Limits, offset: int, read: Read = read_file) -> None:
        """Go to record ``offset``; a file that cannot be read is one record that says so, wherever it stands."""
        self.path = path
        self.offset = offset
        self._records = iter(()) if offset > 0 and _is_single(path) else _skip(_records(path, limits, read), offset)
        self._next = next(self._records, None)

    @property
    def at_end(self) -> bool:
        """Whether no record follows."""
        return self._next is None

    def take(self) -> Record:
        """The next record; raises EOFError at the end."""
        record = self._next
        if record is None:
            raise EOFError(self.path)
        self.offset += 1
        self._next = next(self._records, None)
        return record


def _is_single(path: Path) -> bool:
    """Whether a file holds one message, so that one that was begun is finished."""
    try:
        return reader_of(path).single
    except (DecodeError, OSError):
        return False


def _records(path: Path, limits: Limits, read: Read) -> Iterator[Record]:
    """Records of a file; of a single message one, with the histograms that could not be read."""
    records = read(path, limits)
    if not _is_single(path):
        return records
    first, *later = records
    unread = tuple(record for record in later if isinstance(record, DecodeError))
    return iter((replace(first, unread=unread) if isinstance(first, HistogramBatch) else first,))


def _skip(records: Iterator[Record], count: int) -> Iterator[Record]:
    for _ in range(count):
        record = next(records, None)
        if isinstance(record, DecodeError) and record.reason == "unreadable-file":
            return chain((record,), records)
    return records
