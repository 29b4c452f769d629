"""Reading files where nobody keeps dead letters: what is unusable is logged and left out."""

from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import structlog

from conf.stream import StreamSettings
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.replay import Keyed

Record = TypeVar("Record", bound=Keyed)
Reader = Callable[[Path], Iterator[Record | DecodeError]]

log = structlog.get_logger()


def limits(settings: StreamSettings) -> Limits:
    """The limits on histograms that come from outside."""
    return Limits(settings.max_message_bytes, settings.max_histograms, settings.max_bins)


def good_records(
    paths: Iterable[Path], read: Reader[Record], runs: Container[int] = range(2**63 - 1)
) -> Iterator[Record]:
    """The usable records of the files, in the order in which they stand there; of these ``runs`` only.

    Raises DecodeError for a file in which nothing is usable.
    """
    for path in paths:
        usable, trouble = 0, None
        for record in _readable(path, read):
            if isinstance(record, DecodeError):
                trouble = record
                log.warning("record left out", file=str(path), reason=str(record))
                continue
            usable += 1
            for part in getattr(record, "unread", ()):
                log.warning("part of a record left out", file=str(path), reason=str(part))
            if record.key.run in runs:
                yield record
        if trouble is not None and not usable:
            raise trouble


def _readable(path: Path, read: Reader[Record]) -> Iterator[Record | DecodeError]:
    try:
        yield from read(path)
    except DecodeError as error:
        yield error
    except OSError as error:
        yield DecodeError("unreadable-file", path.name, error.strerror or str(error))
