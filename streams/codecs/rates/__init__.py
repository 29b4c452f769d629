"""Codecs of the topic of trigger rates, by content type; one message is one lumisection."""

from collections.abc import Mapping
from types import MappingProxyType

from streams.codecs.content_type import Codec, decoded
from streams.codecs.rates import arrow as rate_arrow
from streams.codecs.rates import json as rate_json
from streams.codecs.rates.schema import RateLimits
from streams.records import TriggerRates
from streams.source import Message

__all__ = ["RATE_CODECS", "RateLimits", "decode_rates", "encode_rates"]

RATE_CODECS: Mapping[str, Codec[TriggerRates, RateLimits]] = MappingProxyType(
    {
        rate_arrow.CONTENT_TYPE: Codec(rate_arrow.decode, rate_arrow.encode),
        rate_json.CONTENT_TYPE: Codec(rate_json.decode, rate_json.encode),
    }
)
"""By content type, lower case, without parameters."""


def decode_rates(message: Message, limits: RateLimits) -> TriggerRates:
    """Rates of a message; raises as :func:`streams.codecs.content_type.decoded`."""
    return decoded(RATE_CODECS, message, limits)


def encode_rates(record: TriggerRates, content_type: str) -> bytes:
    """Bytes of a record; raises KeyError for a content type that is not in :data:`RATE_CODECS`."""
    return RATE_CODECS[content_type].encode(record)
