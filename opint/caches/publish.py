"""Publish a trace to the topic of file accesses, as a cache would report it."""

import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from conf.settings import Settings
from rl_cache.arrays import Int64
from rl_cache.traces.trace import LabelColumn, Trace
from streams.kafka import PARTITIONS, KafkaPublisher
from streams.records import AccessBatch, FileAccess
from streams.replay import wait_for_room

PER_MESSAGE = 2000
"""Accesses in one message: written as JSON they stay below 1 MB, the most that brokers take by default."""


def publish_trace(
    trace: Trace,
    cache: str,
    settings: Settings,
    content_type: str,
    stop: threading.Event,
    progress: Callable[[str, float], None],
) -> int:
    """Publish until the trace or ``stop`` ends it; how many accesses were published.

    ``progress`` is called with a word and the share done. Raises SourceUnavailable if the broker cannot be reached.
    """
    publisher = KafkaPublisher(settings.kafka_of(settings.cache))
    published = 0
    try:
        publisher.ensure_topic(PARTITIONS)
        for batch in as_batches(trace, cache, min(PER_MESSAGE, settings.cache.max_accesses)):
            if not wait_for_room(publisher, stop):
                break
            publisher.publish(batch, content_type)
            published += len(batch.accesses)
            progress("publishing", published / len(trace))
        publisher.flush()
    finally:
        publisher.close()
    return published


def as_batches(trace: Trace, cache: str, per_message: int = PER_MESSAGE) -> Iterator[AccessBatch]:
    """The requests of a trace as a cache would report them, ``per_message`` in each message."""
    for start in range(0, len(trace), per_message):
        part = trace.part(start, start + per_message)
        yield AccessBatch(cache, tuple(_accesses(part)))


def _accesses(trace: Trace) -> Iterator[FileAccess]:
    names = trace.file if trace.file_name is None else trace.file_name[trace.file]
    dataset, tier = (_label_names(labels, trace.file, len(trace)) for labels in (trace.dataset, trace.tier))
    rows = np.arange(len(trace))
    site, task, user = (_label_names(labels, rows, len(trace)) for labels in (trace.site, trace.task, trace.user))
    cpu, io = ([None] * len(trace) if column is None else column.tolist() for column in (trace.cpu_s, trace.io_s))
    for row in range(len(trace)):
        yield FileAccess(
            time=float(trace.time_s[row]),
            file=str(names[row]),
            dataset=dataset[row],
            size=int(trace.size[row]),
            site=site[row],
            cpu_time=cpu[row],
            io_time=io[row],
            tier=tier[row],
            task=task[row],
            user=user[row],
        )


def _label_names(labels: LabelColumn | None, rows: Int64, n: int) -> Sequence[str]:
    return [""] * n if labels is None else [labels.names[code] for code in labels.code[rows]]
