"""Publishing batches to the topic that the settings name, with a count for whoever watches."""

import sys
import threading
from collections.abc import Iterable

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from conf.settings import KafkaSettings
from streams.kafka import KafkaPublisher
from streams.records import HistogramBatch, LumisectionKey
from streams.replay import replay

PARTITIONS = 4
"""Partitions of a topic that is made here; so many daemons can share it."""


def publish(
    batches: Iterable[HistogramBatch],
    kafka: KafkaSettings,
    content_type: str,
    pace: float | None,
    stop: threading.Event,
) -> int:
    """Publish until the batches or ``stop`` end it; how many lumisections were published.

    ``pace`` is in lumisections per second, None for as fast as possible. Raises SourceUnavailable if the
    broker cannot be reached.
    """
    publisher = KafkaPublisher(kafka)
    try:
        publisher.ensure_topic(PARTITIONS)
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=Console(file=sys.stderr),
            disable=not sys.stderr.isatty(),
        ) as shown:
            task = shown.add_task("publishing", total=None)

            def count(key: LumisectionKey, done: int) -> None:
                shown.update(task, description=f"published {done} lumisections, now run {key.run} LS {key.ls}")

            return replay(batches, publisher, content_type, pace, stop, progress=count)
    finally:
        publisher.close()
