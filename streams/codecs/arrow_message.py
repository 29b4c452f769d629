"""One message as an Arrow IPC stream of a schema and one record batch, opened with care.

A stream is a sequence of frames: 4 bytes 0xFFFFFFFF, the length of the metadata (int32, 0 ends the
stream), the metadata (a flatbuffer ``Message``), the body. pyarrow reads them, but it does not tell the
length of a body, nor that a body is compressed, before it allocates. So these two are read here.
Source: https://arrow.apache.org/docs/format/Columnar.html and Message.fbs, Schema.fbs there.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt
import orjson
import pyarrow as pa

from streams.codecs.envelope import ENVELOPE
from streams.errors import DecodeError

CONTINUATION = b"\xff\xff\xff\xff"
PREFIX_BYTES = 8

_MESSAGE_HEADER = 2
_MESSAGE_BODY_LENGTH = 3
_RECORD_BATCH_COMPRESSION = 3


def metadata_length(prefix: bytes) -> int:
    """Length of the metadata after these 8 bytes, 0 at the end of a stream; raise DecodeError for no frame."""
    if len(prefix) != PREFIX_BYTES or prefix[:4] != CONTINUATION:
        raise DecodeError("bad-arrow", "frame", prefix, "not an Arrow IPC stream")
    (length,) = struct.unpack("<i", prefix[4:])
    if length < 0:
        raise DecodeError("bad-arrow", "frame length", length)
    return int(length)


def body_length(metadata: bytes | memoryview) -> int:
    """Length of the body that follows this metadata; raise DecodeError if it makes no sense."""
    try:
        place = _field(metadata, _root(metadata), _MESSAGE_BODY_LENGTH)
        length = 0 if place is None else int(struct.unpack_from("<q", metadata, place)[0])
    except struct.error as error:
        raise DecodeError("bad-arrow", "frame metadata", str(error)) from None
    if length < 0:
        raise DecodeError("bad-arrow", "body length", length)
    return length


def is_compressed(metadata: bytes | memoryview) -> bool:
    """Whether the record batch that this metadata describes has a compressed body."""
    try:
        header = _field(metadata, _root(metadata), _MESSAGE_HEADER)
        if header is None:
            return False
        batch = header + int(struct.unpack_from("<I", metadata, header)[0])
        return _field(metadata, batch, _RECORD_BATCH_COMPRESSION) is not None
    except struct.error as error:
        raise DecodeError("bad-arrow", "frame metadata", str(error)) from None


def _root(metadata: bytes | memoryview) -> int:
    return int(struct.unpack_from("<I", metadata, 0)[0])


def _field(metadata: bytes | memoryview, table: int, slot: int) -> int | None:
    """Place of a field of a flatbuffer table, None if the table does not hold it."""
    vtable = table - int(struct.unpack_from("<i", metadata, table)[0])
    if vtable < 0:
        raise struct.error("vtable lies outside")
    entry = 4 + 2 * slot
    if entry >= struct.unpack_from("<H", metadata, vtable)[0]:
        return None
    shift = int(struct.unpack_from("<H", metadata, vtable + entry)[0])
    return table + shift if shift else None


def record_batch(raw: bytes, check_schema: Callable[[Any], None]) -> Any:
    """The record batch, its buffers being views of ``raw``.

    ``check_schema`` sees the schema before the batch is read. Raises DecodeError for anything but one sound
    message; what lies in the columns is not looked at.
    """
    try:
        reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(raw))
        schema = pa.ipc.read_schema(_next(reader, "schema"))
        check_schema(schema)
        second = _next(reader, "record batch")
        if is_compressed(memoryview(second.metadata)):
            raise DecodeError("compressed-arrow", "record batch", "compressed", "send it without compression")
        return pa.ipc.read_record_batch(second, schema)
    except StopIteration:
        raise DecodeError("truncated-arrow", "message", f"{len(raw)} bytes", "schema or record batch missing") from None
    except (pa.ArrowException, OSError, EOFError, MemoryError, ValueError) as error:
        raise DecodeError("bad-arrow", "message", str(error)) from None


def envelope_fields(schema: Any) -> dict[str, Any]:
    """What the schema's metadata hold under ``lumisection``; raise DecodeError if that is no JSON object."""
    raw = (schema.metadata or {}).get(ENVELOPE.encode())
    if raw is None:
        raise DecodeError("missing-envelope", f"schema metadata {ENVELOPE!r}", None)
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DecodeError("bad-json", f"schema metadata {ENVELOPE!r}", str(error)) from None
    if not isinstance(fields, dict):
        raise DecodeError("wrong-type", f"schema metadata {ENVELOPE!r}", fields, "an object is needed")
    return fields


def column_of_numbers(table: Any, column: int | str) -> npt.NDArray[Any]:
    """A column of numbers as a view of the message; raise DecodeError if a value is null.

    The batch must have been validated in full.
    """
    try:
        numbers: npt.NDArray[Any] = table.column(column).to_numpy(zero_copy_only=True)
    except pa.ArrowInvalid:
        name = column if isinstance(column, str) else table.schema.names[column]
        raise DecodeError("null", name, "a null", "no value may be null") from None
    return numbers


def message(schema: Any, columns: Sequence[Any]) -> bytes:
    """The bytes of one message."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))
    return bytes(sink.getvalue())


def _next(reader: Any, kind: str) -> Any:
    """The next message, of this kind: pyarrow verifies what a message says of itself, and crashes on another kind."""
    message = reader.read_next_message()
    if message.type != kind:
        raise DecodeError("bad-arrow", "message", message.type, f"a {kind} is needed here")
    return message
