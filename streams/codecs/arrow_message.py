"""One message as an Arrow IPC stream of a schema and one record batch, opened with care."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt
import orjson
import pyarrow as pa

from streams.codecs import framing
from streams.codecs.envelope import ENVELOPE
from streams.errors import DecodeError


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
        if framing.is_compressed(memoryview(second.metadata)):
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
        found: npt.NDArray[Any] = table.column(column).to_numpy(zero_copy_only=True)
    except pa.ArrowInvalid:
        name = column if isinstance(column, str) else table.schema.names[column]
        raise DecodeError("null", name, "a null", "no value may be null") from None
    return found


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
