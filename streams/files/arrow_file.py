"""Recordings: Arrow IPC streams one after another, each one message of :mod:`streams.codecs.arrow`.

Any Arrow implementation reads the first message of such a file as a stream; a recording of one message is
an ordinary stream file. Nothing stands between the messages, so recordings can be joined with ``cat``.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from streams.codecs import arrow, framing
from streams.codecs.limits import Limits
from streams.errors import DecodeError, OversizeError
from streams.files.assemble import placed
from streams.records import HistogramBatch


def read(path: Path, limits: Limits) -> Iterator[HistogramBatch | DecodeError]:
    """Batches of all messages; what follows a broken frame cannot be found and is not read.

    One message at a time is held in memory. Raises OSError if the file cannot be read.
    """
    with path.open("rb") as file:
        number = 0
        try:
            for raw in _messages(file, path.stat().st_size, limits):
                yield _decoded(raw, f"{path.name} message {number}", limits)
                number += 1
        except DecodeError as error:
            yield placed(error, f"{path.name} message {number}")


def write_recording(path: Path, batches: Iterable[HistogramBatch]) -> int:
    """Write the batches to a new file and return how many there were; a file that exists is replaced."""
    written = 0
    with path.open("wb") as file:
        for batch in batches:
            file.write(arrow.encode(batch))
            written += 1
    return written


def _decoded(raw: bytes | OversizeError, place: str, limits: Limits) -> HistogramBatch | DecodeError:
    if isinstance(raw, OversizeError):
        return placed(raw, place)
    try:
        return arrow.decode(raw, limits)
    except DecodeError as error:
        return placed(error, place)


def _messages(file: BinaryIO, size: int, limits: Limits) -> Iterator[bytes | OversizeError]:
    """Bytes of each stream, its end mark included; an oversized one is skipped, not read."""
    while file.tell() < size:
        start = file.tell()
        _skip_stream(file, size)
        end = file.tell()
        try:
            limits.check_bytes(end - start)
        except OversizeError as error:
            yield error
            continue
        file.seek(start)
        yield file.read(end - start)


def _skip_stream(file: BinaryIO, size: int) -> None:
    """Go to the end of the stream that begins here; raise DecodeError if the file ends before it does."""
    while True:
        length = framing.metadata_length(file.read(framing.PREFIX_BYTES))
        if length == 0:
            return
        if file.tell() + length > size:
            raise DecodeError("truncated-arrow", "frame", f"{length} bytes of metadata", "the file ends before")
        body = framing.body_length(file.read(length))
        if file.tell() + body > size:
            raise DecodeError("truncated-arrow", "frame", f"{body} bytes of body", "the file ends before")
        file.seek(body, 1)
