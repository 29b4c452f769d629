"""One message as an Arrow IPC stream of a schema and one record batch, opened with care."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from streams.codecs import framing
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


def _next(reader: Any, kind: str) -> Any:
    """The next message, of this kind: pyarrow verifies what a message says of itself, and crashes on another kind."""
    message = reader.read_next_message()
    if message.type != kind:
        raise DecodeError("bad-arrow", "message", message.type, f"a {kind} is needed here")
    return message
