"""Recordings: Arrow IPC streams one after another, each one message of histograms, of trigger rates or of events.

Any Arrow implementation reads the first message of such a file as a stream; a recording of one message is
an ordinary stream file. Nothing stands between the messages, so recordings can be joined with ``cat``.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pyarrow as pa

from streams.codecs import encode_record
from streams.codecs.arrow_message import PREFIX_BYTES, body_length, metadata_length
from streams.codecs.content_type import ARROW_CONTENT_TYPE, SomeLimits
from streams.codecs.histograms import arrow
from streams.codecs.limits import Limits, MessageLimits
from streams.errors import DecodeError, OversizeError
from streams.files.assemble import placed
from streams.files.layout import FileLayout
from streams.records import HistogramBatch

Decoded = TypeVar("Decoded")


def read(path: Path, limits: Limits, layout: FileLayout) -> Iterator[HistogramBatch | DecodeError]:
    """Batches of a recording of histograms, which says all that a layout could."""
    del layout
    return read_with(arrow.decode, path, limits)


def read_with(
    decode: Callable[[bytes, SomeLimits], Decoded], path: Path, limits: SomeLimits
) -> Iterator[Decoded | DecodeError]:
    """What ``decode`` makes of all messages of a recording."""
    for number, raw in enumerate(messages(path, limits)):
        try:
            yield raw if isinstance(raw, DecodeError) else decode(raw, limits)
        except DecodeError as error:
            yield placed(error, _place(path, number))


def messages(path: Path, limits: MessageLimits) -> Iterator[bytes | DecodeError]:
    """All messages as they are; what follows a broken frame cannot be found and is not read.

    One message at a time is held in memory. Raises OSError if the file cannot be read.
    """
    with path.open("rb") as file:
        number = 0
        try:
            for raw in _messages(file, path.stat().st_size, limits):
                yield placed(raw, _place(path, number)) if isinstance(raw, OversizeError) else raw
                number += 1
        except DecodeError as error:
            yield placed(error, _place(path, number))


def first_schema(path: Path, limits: MessageLimits) -> Any:
    """The schema with which a recording begins; None for a file that does not begin with one.

    Raises OSError if the file cannot be read.
    """
    with path.open("rb") as file:
        try:
            prefix = file.read(PREFIX_BYTES)
            length = metadata_length(prefix)
            limits.check_bytes(length)
            message = pa.ipc.MessageReader.open_stream(pa.py_buffer(prefix + file.read(length))).read_next_message()
            return pa.ipc.read_schema(message) if message.type == "schema" else None
        except (DecodeError, StopIteration, pa.ArrowException, OSError, ValueError):
            return None


def write_recording(path: Path, records: Iterable[object]) -> int:
    """Write the records to a new file and return how many there were; a file that exists is replaced."""
    count = 0
    with path.open("wb") as file:
        for record in records:
            file.write(encode_record(record, ARROW_CONTENT_TYPE))
            count += 1
    return count


def _place(path: Path, number: int) -> str:
    return f"{path.name} message {number}"


def _messages(file: BinaryIO, size: int, limits: MessageLimits) -> Iterator[bytes | OversizeError]:
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
        length = metadata_length(file.read(PREFIX_BYTES))
        if length == 0:
            return
        if file.tell() + length > size:
            raise DecodeError("truncated-arrow", "frame", f"{length} bytes of metadata", "the file ends before")
        body = body_length(file.read(length))
        if file.tell() + body > size:
            raise DecodeError("truncated-arrow", "frame", f"{body} bytes of body", "the file ends before")
        file.seek(body, 1)
