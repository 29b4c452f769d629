"""Record batches that kafka-python cannot read: which offsets they hold, and why.

In kafka-python 3.0 a batch that fails stops its partition for ever, because the error does not say where it lies, and
what is asked for next is the same batch.
"""

from collections.abc import Iterator
from typing import Any

from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import UnsupportedCodecError
from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

from streams.kafka import decompression

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
    decompression.install()
    memory_records.DefaultRecordBatch = LenientRecordBatch
    Fetcher.PartitionRecords = LocatedPartitionRecords


class LenientRecordBatch(DefaultRecordBatch):  # type: ignore[misc]
    """A batch that is read whatever bytes the names of headers are made of; the wrong ones become question marks."""

    def _read_msg(self) -> Any:
        try:
            return super()._read_msg()
        except UnicodeDecodeError:
            self._mend_header_names()
            return super()._read_msg()

    def _mend_header_names(self) -> None:
        """Overwrite in place the header names of the next record that are not UTF-8, as far as they are not ASCII."""
        buffer, at = self._buffer, self._pos
        # Length, attributes, timestamp and offset.
        for _ in range(4):
            _, at = decode_varint(buffer, at)
        for _ in ("key", "value"):
            size, at = decode_varint(buffer, at)
            at += max(size, 0)
        headers, at = decode_varint(buffer, at)
        for _ in range(headers):
            size, at = decode_varint(buffer, at)
            name = bytes(buffer[at : at + size])
            try:
                name.decode()
            except UnicodeDecodeError:
                buffer[at : at + size] = bytes(byte if byte < 0x80 else ord("?") for byte in name)
            at += size
            size, at = decode_varint(buffer, at)
            at += max(size, 0)


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
