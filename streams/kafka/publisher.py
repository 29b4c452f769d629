"""Publishing records to Kafka: what a replay and producers use."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError, TopicAlreadyExistsError

from conf.stream import KafkaSettings
from streams.errors import OversizeError, SourceUnavailable, StreamError
from streams.kafka.client import CONNECT_S, opened, unavailable

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Largest message that is sent; the broker's own limit (message.max.bytes) is often smaller."""

IN_FLIGHT_BYTES = 64 * 1024 * 1024
"""How much may wait for the broker's answer before publishing waits, bytes."""

DELIVERY_S = 120.0
"""How long one message may take to be delivered, s: it outlasts a restart of the broker."""

PARTITIONS = 4
"""Partitions of a topic that a replay or a publisher makes: as many daemons can share it."""


class KafkaPublisher:
    """Publishes messages idempotently: the broker stores each once, in order, whatever is sent again.

    Errors of earlier messages come out of later calls, at the latest of :meth:`flush`:
    SourceUnavailable if the broker cannot be reached, OversizeError if it refuses the size, StreamError
    for anything else.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        """Connect; SourceUnavailable if that fails."""
        self._settings = settings
        self._producer = opened(
            settings,
            KafkaProducer,
            metrics_enabled=False,
            linger_ms=20,
            batch_size=1024 * 1024,
            max_request_size=MAX_MESSAGE_BYTES,
            max_block_ms=int(CONNECT_S * 1000),
            delivery_timeout_ms=int(DELIVERY_S * 1000),
        )
        self._admin: KafkaAdminClient | None = None
        self._in_flight: deque[tuple[Any, int]] = deque()
        self._in_flight_bytes = 0
        self._unread: dict[Any, deque[tuple[int, int]]] = {}

    def ensure_topic(self, partitions: int, topic: str | None = None) -> None:
        """Make the topic if it is not there; the embedded broker gives every topic its own 4 partitions."""
        name = topic or self._settings.topic
        try:
            if self._settings.embedded:
                # It creates a topic that is asked for, and cannot be told to.
                self._producer.partitions_for(name)
                return
            self._administration().create_topics(
                {name: {"num_partitions": partitions, "replication_factor": -1}}, wait_for_metadata=True
            )
        except TopicAlreadyExistsError:
            return
        except KafkaError as error:
            raise self._stream_error(error, 0) from error

    def publish(self, record: object, content_type: str, topic: str | None = None) -> None:
        """Encode a record and send it under its key: lumisections and caches stay in order."""
        # Raw bytes can be published without the codecs' libraries.
        from streams.codecs import encode_record, key_of  # noqa: PLC0415

        self.publish_bytes(encode_record(record, content_type), {"content-type": content_type}, key_of(record), topic)

    def publish_bytes(
        self, value: bytes, headers: Mapping[str, str], key: bytes | None, topic: str | None = None
    ) -> None:
        """Send one message as it is; messages with one key stay in order."""
        packed = [(name, text.encode()) for name, text in headers.items()]
        try:
            sent = self._producer.send(topic or self._settings.topic, value, key=key, headers=packed)
        except KafkaError as error:
            raise self._stream_error(error, len(value)) from error
        self._in_flight.append((sent, len(value)))
        self._in_flight_bytes += len(value)
        self._settle(IN_FLIGHT_BYTES)

    def unread_bytes(self) -> int:
        """Bytes published here that ``settings.group`` has not read yet, in the fullest partition.

        Only the embedded broker, whose memory is small, is watched; 0 for any other.
        """
        self._settle(0)
        if not self._unread:
            return 0
        try:
            read = self._administration().list_group_offsets({self._settings.group: list(self._unread)})
        except KafkaError as error:
            raise self._stream_error(error, 0) from error
        for partition, committed in read[self._settings.group].items():
            waiting = self._unread[partition]
            while waiting and waiting[0][0] < committed.offset:
                waiting.popleft()
        return max(sum(size for _, size in waiting) for waiting in self._unread.values())

    def flush(self) -> None:
        """Wait until all is stored by the broker."""
        self._producer.flush(timeout=DELIVERY_S)
        self._settle(0)

    def close(self) -> None:
        """Flush what can be flushed at once and close the connections; may be called twice."""
        self._producer.close(timeout=CONNECT_S)
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _settle(self, allowed: int) -> None:
        while self._in_flight and (self._in_flight_bytes > allowed or self._in_flight[0][0].is_done):
            sent, size = self._in_flight.popleft()
            self._in_flight_bytes -= size
            try:
                stored = sent.get(timeout=DELIVERY_S)
            except KafkaError as error:
                raise self._stream_error(error, size) from error
            if self._settings.embedded:
                self._unread.setdefault(stored.topic_partition, deque()).append((stored.offset, size))

    def _administration(self) -> KafkaAdminClient:
        if self._admin is None:
            self._admin = opened(self._settings, KafkaAdminClient)
        return self._admin

    def _stream_error(self, error: KafkaError, size: int) -> SourceUnavailable | StreamError:
        if isinstance(error, (MessageSizeTooLargeError, RecordListTooLargeError)):
            return OversizeError("too-large", "message", f"{size} bytes", "raise message.max.bytes of the broker")
        if error.retriable:
            return unavailable(self._settings, error)
        return StreamError(f"Kafka at {self._settings.bootstrap_servers} refused a message ({error!r})")
