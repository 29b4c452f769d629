"""Codecs of the topic of file accesses, by content type; one message is a batch of accesses to one cache."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from streams.codecs import access_arrow, access_json
from streams.codecs.access_fields import AccessLimits
from streams.codecs.content_type import chosen
from streams.errors import DecodeError
from streams.records import AccessBatch
from streams.source import Message

__all__ = ["ACCESS_CODECS", "AccessCodec", "AccessLimits", "decode_accesses", "encode_accesses"]


@dataclass(frozen=True, slots=True)
class AccessCodec:
    """How one content type is read and written."""

    decode: Callable[[bytes, AccessLimits], AccessBatch]
    encode: Callable[[AccessBatch], bytes]


ACCESS_CODECS: Mapping[str, AccessCodec] = MappingProxyType(
    {
        access_arrow.CONTENT_TYPE: AccessCodec(access_arrow.decode, access_arrow.encode),
        access_json.CONTENT_TYPE: AccessCodec(access_json.decode, access_json.encode),
    }
)
"""By content type, lower case, without parameters."""


def decode_accesses(message: Message, limits: AccessLimits) -> AccessBatch:
    """Batch of a message, whose ``content-type`` header says how it is written.

    Raises DecodeError (OversizeError, ContentTypeError) for bytes that are unusable, and for a message that a file
    reader has decoded: files of this topic are not read.
    """
    if not isinstance(message.value, bytes):
        raise DecodeError("not-accesses", "message", type(message.value).__name__, "bytes are needed")
    limits.check_bytes(len(message.value))
    return chosen(ACCESS_CODECS, message.headers).decode(message.value, limits)


def encode_accesses(batch: AccessBatch, content_type: str) -> bytes:
    """Bytes of a batch; raises KeyError for a content type that is not in :data:`ACCESS_CODECS`."""
    return ACCESS_CODECS[content_type].encode(batch)
