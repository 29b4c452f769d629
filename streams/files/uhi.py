"""UHI JSON files: one message as :mod:`streams.codecs.histograms.json` describes it, one file, one batch."""

from collections.abc import Iterator
from pathlib import Path

from streams.codecs.histograms import json as uhi_json
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.records import HistogramBatch


def read(path: Path, limits: Limits) -> Iterator[HistogramBatch | DecodeError]:
    """The one batch of the file, or why there is none; raises OSError if the file cannot be read."""
    try:
        limits.check_bytes(path.stat().st_size, path.name)
        yield uhi_json.decode(path.read_bytes(), limits)
    except DecodeError as error:
        yield error
