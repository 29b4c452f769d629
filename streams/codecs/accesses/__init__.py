"""Codecs of the topic of file accesses, by content type; one message is a batch of accesses to one cache."""

from collections.abc import Mapping
from types import MappingProxyType

from streams.codecs.accesses import arrow as access_arrow
from streams.codecs.accesses import json as access_json
from streams.codecs.accesses.schema import AccessLimits
from streams.codecs.content_type import Codec, decoded
from streams.records import AccessBatch
from streams.source import Message

__all__ = ["ACCESS_CODECS", "AccessLimits", "decode_accesses", "encode_accesses"]

ACCESS_CODECS: Mapping[str, Codec[AccessBatch, AccessLimits]] = MappingProxyType(
    {
        access_arrow.CONTENT_TYPE: Codec(access_arrow.decode, access_arrow.encode),
        access_json.CONTENT_TYPE: Codec(access_json.decode, access_json.encode),
    }
)
"""By content type, lower case, without parameters."""


def decode_accesses(message: Message, limits: AccessLimits) -> AccessBatch:
    """Batch of a message; raises as :func:`streams.codecs.content_type.decoded`."""
    return decoded(ACCESS_CODECS, message, limits)


def encode_accesses(batch: AccessBatch, content_type: str) -> bytes:
    """Bytes of a batch; raises KeyError for a content type that is not in :data:`ACCESS_CODECS`."""
    return ACCESS_CODECS[content_type].encode(batch)
