"""File readers by suffix: histograms in files to :class:`streams.records.HistogramBatch`.

Every reader yields batches and, for what it cannot read, a :class:`streams.errors.DecodeError` in place of a
batch, and goes on where the format allows. So the records of a file can be counted, and a record has the
same number whenever the file is read again. A file in which there is nothing says so.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from streams.codecs.checks import check_file
from streams.codecs.histograms import json as uhi_json
from streams.codecs.limits import Limits
from streams.errors import ContentTypeError, DecodeError
from streams.files import arrow_file, csv_dialect, dials, parquet, root
from streams.files.assemble import placed
from streams.files.layout import DEFAULT_LAYOUT, FileLayout
from streams.records import HistogramBatch


def _read_uhi(path: Path, limits: Limits, layout: FileLayout) -> Iterator[HistogramBatch | DecodeError]:
    """The one batch of the file, then why some of its histograms are not in it; or why there is no batch.

    Raises OSError if the file cannot be read. A message says all that a layout could.
    """
    del layout
    try:
        limits.check_bytes(path.stat().st_size)
        batch = uhi_json.decode(path.read_bytes(), limits)
    except DecodeError as error:
        yield placed(error, path.name)
        return
    yield replace(batch, unread=())
    for unread in batch.unread:
        yield placed(unread, path.name)


@dataclass(frozen=True, slots=True)
class Reader:
    """How files of one format are read; ``single`` says that a file holds one message, its first record."""

    read: Callable[[Path, Limits, FileLayout], Iterator[HistogramBatch | DecodeError]]
    single: bool = False


_UHI = Reader(_read_uhi, single=True)
_DIALS = Reader(dials.read)

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        ".arrow": Reader(arrow_file.read),
        ".arrows": Reader(arrow_file.read),
        ".csv": Reader(csv_dialect.read),
        ".dials.json": _DIALS,
        ".jsonl": _DIALS,
        ".parquet": Reader(parquet.read),
        ".root": Reader(root.read),
        ".uhi.json": _UHI,
    }
)
"""By suffix. Plain ``.json`` is either UHI or DIALS and told apart by how it begins."""

_DIALS_BEGINS = re.compile(rb'(\xef\xbb\xbf)?\s*(\[|\{\s*"(?!uhi_schema")[^"]*"\s*:\s*[^{\s])')
"""A list, or an object whose first value is no histogram: a row, or a page of rows."""

_COMPRESSED = (".gz", ".zst", ".xz", ".bz2", ".zip", ".tgz")


def reader_of(path: Path) -> Reader:
    """Reader of a file; raise ContentTypeError for an unknown suffix, OSError if ``.json`` cannot be read."""
    name = path.name.lower()
    for suffix, reader in READERS.items():
        if name.endswith(suffix):
            return reader
    if not name.endswith(".json"):
        suffixes = ", ".join(sorted((*READERS, ".json")))
        hint = "unpack it first" if name.endswith(_COMPRESSED) else f"one of {suffixes} is needed"
        raise ContentTypeError("unknown-file-type", "suffix", path.suffix, hint)
    with path.open("rb") as file:
        return _DIALS if _DIALS_BEGINS.match(file.read(4096)) else _UHI


def read_file(
    path: Path, limits: Limits, layout: FileLayout = DEFAULT_LAYOUT
) -> Iterator[HistogramBatch | DecodeError]:
    """Records of a file in order; a file that cannot be read, or stops to be, gives a DecodeError as its last."""
    records = 0
    try:
        reader = reader_of(path)
        check_file(path)
        for record in reader.read(path, limits, layout):
            records += 1
            yield record
        if not records:
            raise DecodeError("no-histograms", path.name, 0, "there is no row in it")
    except DecodeError as error:
        yield error
    except OSError as error:
        yield DecodeError("unreadable-file", path.name, error.strerror or str(error))
