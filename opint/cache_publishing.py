"""Publishing a trace to the topic of file accesses, as a cache would."""

import threading
from collections.abc import Callable

from conf.settings import Settings
from opint.accesses import PER_MESSAGE, as_batches
from opint.demo.publish import PARTITIONS
from rl_cache.traces.trace import Trace
from streams.kafka import KafkaPublisher
from streams.replay import wait_for_room


def publish_trace(
    trace: Trace,
    cache: str,
    settings: Settings,
    content_type: str,
    stop: threading.Event,
    progress: Callable[[str, float], None],
) -> int:
    """Publish until the trace or ``stop`` ends it; how many accesses were published.

    ``progress`` hears a word and the share done. Raises SourceUnavailable if the broker cannot be reached.
    """
    publisher = KafkaPublisher(settings.kafka_of(settings.cache))
    done = 0
    try:
        publisher.ensure_topic(PARTITIONS)
        for batch in as_batches(trace, cache, min(PER_MESSAGE, settings.cache.max_accesses)):
            if not wait_for_room(publisher, stop):
                break
            publisher.publish(batch, content_type)
            done += len(batch.accesses)
            progress("publishing", done / len(trace))
        publisher.flush()
    finally:
        publisher.close()
    return done
