"""The ``content-type`` header chooses the codec."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from streams.codecs.limits import MessageLimits
from streams.errors import ContentTypeError, DecodeError
from streams.source import Message

ARROW_CONTENT_TYPE = "application/vnd.apache.arrow.stream"
JSON_CONTENT_TYPE = "application/json"


_Codec = TypeVar("_Codec")
Record = TypeVar("Record")
SomeLimits = TypeVar("SomeLimits", bound=MessageLimits)


@dataclass(frozen=True, slots=True)
class Codec(Generic[Record, SomeLimits]):
    """How records of one kind are read and written in one content type."""

    decode: Callable[[bytes, SomeLimits], Record]
    encode: Callable[[Record], bytes]


def chosen(codecs: Mapping[str, _Codec], headers: Mapping[str, str]) -> _Codec:
    """The codec that the header names, in any case and with any parameters; raise ContentTypeError without one."""
    content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), None)
    codec = None if content_type is None else codecs.get(content_type.partition(";")[0].strip().lower())
    if codec is None:
        reason = "missing-content-type" if content_type is None else "unknown-content-type"
        raise ContentTypeError(reason, "content-type", content_type, f"one of {', '.join(codecs)} is needed")
    return codec


def decoded(codecs: Mapping[str, Codec[Record, SomeLimits]], message: Message, limits: SomeLimits) -> Record:
    """The record in a message, whose ``content-type`` header says how it is written.

    Raises DecodeError (OversizeError, ContentTypeError) for bytes that are unusable; that of a file reader which could
    not get them; and one for histograms that a file reader has decoded.
    """
    if isinstance(message.value, DecodeError):
        raise message.value
    if not isinstance(message.value, bytes):
        raise DecodeError("not-bytes", "message", type(message.value).__name__, "bytes are needed")
    limits.check_bytes(len(message.value))
    return chosen(codecs, message.headers).decode(message.value, limits)
