"""Codecs of the topic of failing workflows, by content type; one message is a report on any number of tasks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from streams.codecs.content_type import JSON_CONTENT_TYPE, Codec, decoded
from streams.codecs.workflows import json as workflow_json
from streams.codecs.workflows.schema import WorkflowLimits
from streams.source import Message
from streams.workflows import FailureReport

__all__ = ["WORKFLOW_CODECS", "WorkflowCodec", "WorkflowLimits", "decode_workflows", "encode_workflows"]


@dataclass(frozen=True, slots=True)
class WorkflowCodec:
    """How reports are read, with the time at which they came, and written in one content type."""

    decode: Callable[[bytes, WorkflowLimits, float], FailureReport]
    encode: Callable[[FailureReport], bytes]


WORKFLOW_CODECS: Mapping[str, WorkflowCodec] = MappingProxyType(
    {JSON_CONTENT_TYPE: WorkflowCodec(workflow_json.decode, workflow_json.encode)}
)
"""By content type, lower case, without parameters."""


def decode_workflows(message: Message, limits: WorkflowLimits) -> FailureReport:
    """Report of a message; raises as :func:`streams.codecs.content_type.decoded`."""
    codecs = {
        content_type: Codec(_at(codec.decode, message.published_s), codec.encode)
        for content_type, codec in WORKFLOW_CODECS.items()
    }
    return decoded(codecs, message, limits)


def _at(
    decode: Callable[[bytes, WorkflowLimits, float], FailureReport], received_s: float
) -> Callable[[bytes, WorkflowLimits], FailureReport]:
    return lambda raw, limits: decode(raw, limits, received_s)


def encode_workflows(report: FailureReport, content_type: str) -> bytes:
    """Bytes of a report; raises KeyError for a content type that is not in :data:`WORKFLOW_CODECS`."""
    return WORKFLOW_CODECS[content_type].encode(report)
