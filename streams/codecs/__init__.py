"""Codecs by content type: bytes of a message to and from a :class:`streams.records.HistogramBatch`.

What a decoder refuses, it refuses with a :class:`streams.errors.DecodeError` that names a reason and a
field. Sizes are checked before anything is parsed, the number of histograms and of bins before anything
is allocated for them.

A new kind of record adds itself by ``encode_record.register`` and, if it is of no lumisection, ``key_of.register``.
"""

from collections.abc import Mapping
from functools import singledispatch
from types import MappingProxyType
from typing import Any

from streams.codecs.accesses import encode_accesses
from streams.codecs.content_type import ARROW_CONTENT_TYPE, JSON_CONTENT_TYPE, Codec, decoded
from streams.codecs.events import encode_events
from streams.codecs.histograms import arrow
from streams.codecs.histograms import json as uhi_json
from streams.codecs.limits import Limits
from streams.codecs.rates import encode_rates
from streams.codecs.workflows import encode_workflows
from streams.records import AccessBatch, EventFeatures, HistogramBatch, TriggerRates
from streams.source import Message
from streams.workflows import FailureReport, workflow_of

_UHI_JSON = Codec(uhi_json.decode, uhi_json.encode)

CODECS: Mapping[str, Codec[HistogramBatch, Limits]] = MappingProxyType(
    {
        ARROW_CONTENT_TYPE: Codec(arrow.decode, arrow.encode),
        uhi_json.CONTENT_TYPE: _UHI_JSON,
        JSON_CONTENT_TYPE: _UHI_JSON,
    }
)
"""By content type, lower case, without parameters."""


def decode(message: Message, limits: Limits) -> HistogramBatch:
    """Batch of a message, whose ``content-type`` header says how it is written.

    A value that a file reader has decoded already is returned. Raises as :func:`streams.codecs.content_type.decoded`.
    """
    return message.value if isinstance(message.value, HistogramBatch) else decoded(CODECS, message, limits)


def encode(batch: HistogramBatch, content_type: str) -> bytes:
    """Bytes of a batch; raises KeyError for a content type that is not in :data:`CODECS`."""
    return CODECS[content_type].encode(batch)


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
