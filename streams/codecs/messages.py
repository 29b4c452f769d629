"""A record of any kind as a message: its bytes, and the key that keeps messages in order.

A new kind of record adds itself by ``encode_record.register`` and, if it is of no lumisection, ``key_of.register``.
"""

from functools import singledispatch
from typing import Any

from streams.codecs import encode
from streams.codecs.accesses import encode_accesses
from streams.codecs.events import encode_events
from streams.codecs.rates import encode_rates
from streams.codecs.workflows import encode_workflows
from streams.records import AccessBatch, EventFeatures, HistogramBatch, TriggerRates
from streams.workflows import FailureReport, workflow_of

__all__ = ["encode_record", "key_of"]


@singledispatch
def encode_record(record: Any, content_type: str) -> bytes:
    """Bytes of the record; raises KeyError for a content type that its kind does not know."""
    raise TypeError(f"{type(record).__name__} at {content_type}: no kind of message holds such records")


encode_record.register(HistogramBatch, encode)
encode_record.register(TriggerRates, encode_rates)
encode_record.register(EventFeatures, encode_events)
encode_record.register(AccessBatch, encode_accesses)
encode_record.register(FailureReport, encode_workflows)


@singledispatch
def key_of(record: Any) -> bytes:
    """``run:ls``; for accesses the name of their cache, for failing workflows that of the first workflow."""
    return f"{record.key.run}:{record.key.ls}".encode()


@key_of.register
def _(record: AccessBatch) -> bytes:
    return record.cache.encode()


@key_of.register
def _(record: FailureReport) -> bytes:
    # A producer sends the tasks of a workflow together, so that all about them stays in order.
    tasks = [snapshot.task for snapshot in record.snapshots] + [outcome.task for outcome in record.outcomes]
    return workflow_of(tasks[0]).encode()
