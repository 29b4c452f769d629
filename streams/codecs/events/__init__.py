"""Codecs of the topic of event features, by content type; one message is a lumisection or a part of one."""

from collections.abc import Mapping
from types import MappingProxyType

from streams.codecs.content_type import Codec, decoded
from streams.codecs.events import arrow as event_arrow
from streams.codecs.events import json as event_json
from streams.codecs.events.schema import EventLimits
from streams.records import EventFeatures
from streams.source import Message

__all__ = ["EVENT_CODECS", "EventLimits", "decode_events", "encode_events"]

EVENT_CODECS: Mapping[str, Codec[EventFeatures, EventLimits]] = MappingProxyType(
    {
        event_arrow.CONTENT_TYPE: Codec(event_arrow.decode, event_arrow.encode),
        event_json.CONTENT_TYPE: Codec(event_json.decode, event_json.encode),
    }
)
"""By content type, lower case, without parameters."""


def decode_events(message: Message, limits: EventLimits) -> EventFeatures:
    """Events of a message; raises as :func:`streams.codecs.content_type.decoded`."""
    return decoded(EVENT_CODECS, message, limits)


def encode_events(record: EventFeatures, content_type: str) -> bytes:
    """Bytes of a record; raises KeyError for a content type that is not in :data:`EVENT_CODECS`."""
    return EVENT_CODECS[content_type].encode(record)
