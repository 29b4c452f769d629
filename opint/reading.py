"""Reading histogram files where nobody keeps dead letters: what is unusable is logged and left out."""

from collections.abc import Container, Iterable, Iterator
from pathlib import Path

import structlog

from conf.settings import StreamSettings
from streams.codecs import Limits
from streams.files import read_file
from streams.records import HistogramBatch

log = structlog.get_logger()


def limits(settings: StreamSettings) -> Limits:
    """The limits on what comes from outside."""
    return Limits(settings.max_message_bytes, settings.max_histograms, settings.max_bins)


def good_records(
    paths: Iterable[Path], settings: StreamSettings, runs: Container[int] = range(2**63 - 1)
) -> Iterator[HistogramBatch]:
    """The usable records of the files, in the order in which they stand there; of these ``runs`` only.

    Raises DecodeError for a file in which nothing is usable.
    """
    for path in paths:
        usable, trouble = 0, None
        for record in read_file(path, limits(settings)):
            if isinstance(record, HistogramBatch):
                usable += 1
                if record.key.run in runs:
                    yield record
            else:
                trouble = record
                log.warning("record left out", file=str(path), reason=str(record))
        if trouble is not None and not usable:
            raise trouble
