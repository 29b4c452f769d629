"""Publishing lumisections to the topics that the settings name, with a line of progress."""

import threading
from collections.abc import Callable, Iterable
from contextlib import closing

from conf.settings import Settings
from opint.stream_kinds import kind_of_record
from streams.kafka import PARTITIONS, KafkaPublisher
from streams.records import LumisectionKey
from streams.replay import Keyed, replay


class Topics:
    """A publisher for each kind of stream, on its own topic; connected when the first of its records comes."""

    def __init__(self, settings: Settings) -> None:
        """Connect nothing yet."""
        self._settings = settings
        self._connected: dict[str, KafkaPublisher] = {}

    def publish(self, record: object, content_type: str) -> None:
        """Encode and send one record; raises SourceUnavailable if the broker cannot be reached."""
        kind = kind_of_record(record)
        if kind.name not in self._connected:
            self._connected[kind.name] = KafkaPublisher(kind.kafka(self._settings))
            self._connected[kind.name].ensure_topic(PARTITIONS)
        self._connected[kind.name].publish(record, content_type)

    def unread_bytes(self) -> int:
        """Bytes that wait for their reader on the fullest topic."""
        return max((publisher.unread_bytes() for publisher in self._connected.values()), default=0)

    def flush(self) -> None:
        """Wait until all is stored by the broker."""
        for publisher in self._connected.values():
            publisher.flush()

    def close(self) -> None:
        """Close all connections."""
        for publisher in self._connected.values():
            publisher.close()


def publish(
    records: Iterable[Keyed],
    settings: Settings,
    content_type: str,
    pace: float | None,
    stop: threading.Event,
    progress: Callable[[str], None],
) -> int:
    """Publish until the records or ``stop`` end it; how many lumisections were published.

    ``pace`` is in lumisections per second, None for as fast as possible; ``progress`` is called with a line of text for
    each lumisection. Raises SourceUnavailable if the
    broker cannot be reached.
    """
    with closing(Topics(settings)) as topics:

        def count(key: LumisectionKey, done: int) -> None:
            progress(f"published {done} lumisections, now run {key.run} LS {key.ls}")

        return replay(records, topics, content_type, pace, stop, progress=count)
