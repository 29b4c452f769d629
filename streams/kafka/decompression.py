"""Decompression of record batches, bounded: a few hundred kilobytes of gzip may stand for a gigabyte of zeros.

kafka-python decompresses a batch wholly before anything can be said about its size. So its decoders are replaced by
ones that stop at a limit. Which codecs there are, and whether their libraries are installed, stays its own affair: they
are imported when a batch needs them.
"""

import io
import struct
import zlib

from kafka import codec
from kafka.record import default_records, legacy_records

MAX_BATCH_BYTES = 128 * 1024 * 1024
"""The most that one compressed batch may become: twice the largest message that `make kafka` takes."""

_PART_BYTES = 1024 * 1024
_XERIAL_MAGIC = b"\x82SNAPPY\0"
_XERIAL_HEADER_BYTES = 16


class BatchTooLargeError(Exception):
    """A batch becomes larger than :data:`MAX_BATCH_BYTES`."""

    def __init__(self) -> None:
        """Say how large it may be."""
        super().__init__(f"it becomes larger than {MAX_BATCH_BYTES} bytes when it is decompressed")


def install() -> None:
    """Let batches that are read from now on be decompressed so."""
    for decoder in (gzip_decode, snappy_decode, lz4_decode, zstd_decode):
        for module in (codec, default_records, legacy_records):
            if hasattr(module, decoder.__name__):
                setattr(module, decoder.__name__, decoder)


def gzip_decode(payload: bytes | memoryview) -> bytes:
    """Content of one gzip member or several; raises BatchTooLargeError, zlib.error or EOFError."""
    parts, room, rest = [], MAX_BATCH_BYTES, bytes(payload)
    while rest:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        # One byte more than there is room for tells a batch of just that size from a larger one.
        parts.append(_within(member.decompress(rest, room + 1), room))
        if not member.eof:
            raise EOFError("the gzip stream is cut off")
        room -= len(parts[-1])
        rest = member.unused_data
    return b"".join(parts)


def snappy_decode(payload: bytes) -> bytes:
    """Content of raw snappy or of the framing of Java's xerial library; raises what cramjam and struct do."""
    if not payload.startswith(_XERIAL_MAGIC):
        return _snappy_block(payload, MAX_BATCH_BYTES)
    parts, room, at = [], MAX_BATCH_BYTES, _XERIAL_HEADER_BYTES
    while at < len(payload):
        (size,) = struct.unpack_from("!I", payload, at)
        at += 4
        parts.append(_snappy_block(payload[at : at + size], room))
        room -= len(parts[-1])
        at += size
    return b"".join(parts)


def lz4_decode(payload: bytes) -> bytes:
    """Content of one lz4 frame; raises BatchTooLargeError, RuntimeError or EOFError."""
    import lz4.frame  # noqa: PLC0415 - see above

    frame = lz4.frame.LZ4FrameDecompressor()
    parts, room, rest = [], MAX_BATCH_BYTES, payload
    while not frame.eof:
        # In parts, because room for all that is asked for is taken at once.
        part = frame.decompress(rest, max_length=_PART_BYTES)
        if not part and not frame.eof:
            raise EOFError("the lz4 frame is cut off")
        parts.append(_within(part, room))
        room -= len(part)
        rest = b""
    return b"".join(parts)


def zstd_decode(payload: bytes) -> bytes:
    """Content of one zstd frame or several; raises BatchTooLargeError or zstandard.ZstdError."""
    import zstandard  # noqa: PLC0415 - see above

    parts, room = [], MAX_BATCH_BYTES
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(payload), read_across_frames=True) as reader:
        while part := reader.read(_PART_BYTES):
            parts.append(_within(part, room))
            room -= len(part)
    return b"".join(parts)


def _snappy_block(block: bytes, room: int) -> bytes:
    import cramjam  # noqa: PLC0415 - see above

    if cramjam.snappy.decompress_raw_len(block) > room:
        raise BatchTooLargeError
    return bytes(cramjam.snappy.decompress_raw(block))


def _within(part: bytes, room: int) -> bytes:
    if len(part) > room:
        raise BatchTooLargeError
    return part
