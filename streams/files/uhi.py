"""UHI JSON files: one message as :mod:`streams.codecs.histograms.json` describes it, one file, one batch."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from streams.codecs.histograms import json as uhi_json
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.files.assemble import placed
from streams.files.layout import FileLayout
from streams.records import HistogramBatch


def read(path: Path, limits: Limits, layout: FileLayout) -> Iterator[HistogramBatch | DecodeError]:
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
