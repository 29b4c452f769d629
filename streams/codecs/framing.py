"""Frames of the Arrow IPC stream format, seen from outside.

A stream is a sequence of frames: 4 bytes 0xFFFFFFFF, the length of the metadata (int32, 0 ends the
stream), the metadata (a flatbuffer ``Message``), the body. pyarrow reads them, but it does not tell the
length of a body, nor that a body is compressed, before it allocates. So these two are read here.
Source: https://arrow.apache.org/docs/format/Columnar.html and Message.fbs, Schema.fbs there.
"""

import struct

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
