"""Record batches, decompressed within bounds, and where those lie that kafka-python cannot read, and why.

In kafka-python 3.0 a batch that fails stops its partition for ever, because the error does not say where it lies, and
what is asked for next is the same batch.

It decompresses a batch wholly before anything can be said about its size, and a few hundred kilobytes of gzip may stand
for a gigabyte of zeros. So its decoders are replaced by ones that stop at a limit. Which codecs there are, and whether
their libraries are installed, stays its own affair: they are imported when a batch needs them.

It also copies every byte of an answer six times before a message is handed out; here it is twice.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from kafka import TopicPartition, codec
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, UnsupportedCodecError
from kafka.protocol import parser
from kafka.protocol.frame import KafkaBytes
from kafka.record import default_records, legacy_records, memory_records
from kafka.record.default_records import ControlRecord, DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint

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


def gzip_decode(payload: bytes | memoryview) -> bytes:
    """Content of one gzip member or several; raises BatchTooLargeError, zlib.error or EOFError."""
    parts, room, unread = [], MAX_BATCH_BYTES, bytes(payload)
    while unread:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        # One byte more than there is room for tells a batch of just that size from a larger one.
        parts.append(_within(member.decompress(unread, room + 1), room))
        if not member.eof:
            raise EOFError("the gzip stream is cut off")
        room -= len(parts[-1])
        unread = member.unused_data
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
    parts, room, unread = [], MAX_BATCH_BYTES, payload
    while not frame.eof:
        # In parts, because room for all that is asked for is taken at once.
        part = frame.decompress(unread, max_length=_PART_BYTES)
        if not part and not frame.eof:
            raise EOFError("the lz4 frame is cut off")
        parts.append(_within(part, room))
        room -= len(part)
        unread = b""
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


CODECS = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
"""Names by the number that stands in a batch."""


class UnreadableBatchError(Exception):
    """From offset ``first`` of ``partition`` on nothing can be read of a batch; behind it comes ``following``."""

    def __init__(self, partition: TopicPartition, first: int, following: int, why: str) -> None:
        """Say which records, and why."""
        super().__init__(why)
        self.partition = partition
        self.first = first
        self.following = following
        self.why = why


class MissingCodecError(Exception):
    """A batch is compressed by a codec whose library is not installed."""

    def __init__(self, topic: str, codec: str) -> None:
        """Say what to install."""
        super().__init__(
            f"messages of topic {topic} are compressed by {codec}, whose library is not installed: "
            f"pip install 'kafka-python[{codec}]'"
        )


def install() -> None:
    """Let consumers that are made from now on read so."""
    for decoder in (gzip_decode, snappy_decode, lz4_decode, zstd_decode):
        for module in (codec, default_records, legacy_records):
            if hasattr(module, decoder.__name__):
                setattr(module, decoder.__name__, decoder)
    memory_records.DefaultRecordBatch = LenientRecordBatch
    parser.KafkaBytes = AnswerBytes
    Fetcher.PartitionRecords = LocatedPartitionRecords


class AnswerBytes(KafkaBytes):  # type: ignore[misc]
    """An answer of a broker, of which nothing large is copied to be taken apart."""

    def read(self, nbytes: int | None = None) -> bytes | memoryview:
        """The next ``nbytes``, or all that are left, as a view where these are many."""
        if nbytes is None and len(self) - self.tell() > _PART_BYTES:
            return memoryview(self)[self.tell() :]
        return bytes(super().read(nbytes))


class LenientRecordBatch(DefaultRecordBatch):  # type: ignore[misc]
    """A batch whose values are copied once, read whatever bytes the names of headers are made of.

    In names that are not UTF-8 question marks stand for all that is not ASCII.
    """

    def __init__(self, buffer: memoryview) -> None:
        """Keep the bytes of the batch as they are."""
        self._buffer = buffer
        self._header_data = self.HEADER_STRUCT.unpack_from(buffer)
        self._pos = self.HEADER_STRUCT.size
        self._num_records = self._header_data[12]
        self._next_record_index = 0
        self._decompressed = False

    def _read_msg(self) -> DefaultRecord:
        length, at = decode_varint(self._buffer, self._pos)
        # One byte of attributes, of which none is in use.
        later, end = decode_varint(self._buffer, at + 1)
        offset, end = decode_varint(self._buffer, end)
        key, end = self._nullable(end)
        value, end = self._nullable(end)
        count, end = decode_varint(self._buffer, end)
        headers = []
        for _ in range(count):
            name, end = self._nullable(end)
            content, end = self._nullable(end)
            headers.append((_header_name(name), content))
        if count < 0 or end - at != length:
            raise CorruptRecordError(f"a record of {length} bytes takes {end - at} and has {count} headers")
        self._pos = end
        appended = self.timestamp_type == self.LOG_APPEND_TIME
        kind = ControlRecord if self.is_control_batch else DefaultRecord
        return kind(
            length,
            self.base_offset + offset,
            self.max_timestamp if appended else self.first_timestamp + later,
            self.timestamp_type,
            key,
            value,
            headers,
        )

    def _nullable(self, at: int) -> tuple[bytes | None, int]:
        """The bytes whose length stands at ``at``, None for a negative one, and where they end."""
        size, begin = decode_varint(self._buffer, at)
        return (None, begin) if size < 0 else (bytes(self._buffer[begin : begin + size]), begin + size)


def _header_name(name: bytes | None) -> str:
    if name is None:
        raise CorruptRecordError("the name of a header is missing")
    try:
        return name.decode()
    except UnicodeDecodeError:
        return "".join(chr(byte) if byte < 0x80 else "?" for byte in name)


class LocatedPartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
    """The records of one answer of the broker; a batch that cannot be read is an UnreadableBatchError."""

    def _unpack_records(self, tp: TopicPartition, records: Any, *deserializers: Any) -> Iterator[Any]:
        batches = _CurrentBatch(records)
        try:
            yield from super()._unpack_records(tp, batches, *deserializers)
        # Codecs and broken structures fail in ways that have no common base.
        except Exception as error:
            batch = batches.current
            # Else the library goes round and round the records that are left of this answer: there are none.
            self.drain()
            codec = CODECS.get(batch.compression_type, "") if batch is not None else ""
            if codec and isinstance(error, UnsupportedCodecError):
                raise MissingCodecError(tp.topic, codec) from error
            why = f"{codec} batch: {error}" if codec else str(error) or type(error).__name__
            raise UnreadableBatchError(tp, self.next_fetch_offset, self._following(batch), why) from error

    def _following(self, batch: Any) -> int:
        """The offset behind a batch."""
        if batch is None:
            return int(self.next_fetch_offset) + 1
        behind = batch.next_offset if batch.magic >= 2 else batch.base_offset + 1
        return max(int(behind), int(self.next_fetch_offset) + 1)


class _CurrentBatch:
    """Hands batches on and remembers the last one."""

    def __init__(self, records: Any) -> None:
        self._records = records
        self.current: Any = None

    def next_batch(self) -> Any:
        self.current = None
        self.current = self._records.next_batch()
        return self.current
