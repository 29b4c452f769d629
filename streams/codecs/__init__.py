"""Codecs by content type: bytes of a message to and from a :class:`streams.records.HistogramBatch`.

What a decoder refuses, it refuses with a :class:`streams.errors.DecodeError` that names a reason and a
field. Sizes are checked before anything is parsed, the number of histograms and of bins before anything
is allocated for them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from streams.codecs.content_type import chosen
from streams.codecs.histograms import arrow
from streams.codecs.histograms import json as uhi_json
from streams.codecs.limits import Limits
from streams.errors import DecodeError
from streams.records import HistogramBatch
from streams.source import Message

__all__ = ["CODECS", "Codec", "Limits", "decode", "encode"]


@dataclass(frozen=True, slots=True)
class Codec:
    """How one content type is read and written."""

    decode: Callable[[bytes, Limits], HistogramBatch]
    encode: Callable[[HistogramBatch], bytes]


_UHI_JSON = Codec(uhi_json.decode, uhi_json.encode)

CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        arrow.CONTENT_TYPE: Codec(arrow.decode, arrow.encode),
        uhi_json.CONTENT_TYPE: _UHI_JSON,
        "application/json": _UHI_JSON,
    }
)
"""By content type, lower case, without parameters."""


def decode(message: Message, limits: Limits) -> HistogramBatch:
    """Batch of a message, whose ``content-type`` header says how it is written.

    A value that a file reader has decoded already is returned; one that it could not decode is raised,
    as is DecodeError (OversizeError, ContentTypeError) for bytes that are unusable.
    """
    if isinstance(message.value, HistogramBatch):
        return message.value
    if isinstance(message.value, DecodeError):
        raise message.value
    limits.check_bytes(len(message.value))
    return chosen(CODECS, message.headers).decode(message.value, limits)


def encode(batch: HistogramBatch, content_type: str) -> bytes:
    """Bytes of a batch; raises KeyError for a content type that is not in :data:`CODECS`."""
    return CODECS[content_type].encode(batch)
