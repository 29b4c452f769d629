"""A record of any kind as a message: its bytes, and the key that keeps messages in order."""

from streams.codecs import encode
from streams.codecs.accesses import encode_accesses
from streams.codecs.events import encode_events
from streams.codecs.rates import encode_rates
from streams.records import AccessBatch, EventFeatures, HistogramBatch, TriggerRates

__all__ = ["Record", "encode_record", "key_of"]

Record = HistogramBatch | TriggerRates | EventFeatures | AccessBatch
"""Whatever is published."""


def encode_record(record: Record, content_type: str) -> bytes:
    """Bytes of the record; raises KeyError for a content type that its kind does not know."""
    match record:
        case HistogramBatch():
            return encode(record, content_type)
        case TriggerRates():
            return encode_rates(record, content_type)
        case EventFeatures():
            return encode_events(record, content_type)
        case AccessBatch():
            return encode_accesses(record, content_type)


def key_of(record: Record) -> bytes:
    """``run:ls``; for accesses the name of their cache."""
    if isinstance(record, AccessBatch):
        return record.cache.encode()
    return f"{record.key.run}:{record.key.ls}".encode()
