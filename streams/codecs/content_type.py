"""The ``content-type`` header chooses the codec."""

from collections.abc import Mapping
from typing import TypeVar

from streams.errors import ContentTypeError

_Codec = TypeVar("_Codec")


def chosen(codecs: Mapping[str, _Codec], headers: Mapping[str, str]) -> _Codec:
    """The codec that the header names, in any case and with any parameters; raise ContentTypeError without one."""
    given = next((value for name, value in headers.items() if name.lower() == "content-type"), None)
    codec = None if given is None else codecs.get(given.partition(";")[0].strip().lower())
    if codec is None:
        reason = "missing-content-type" if given is None else "unknown-content-type"
        raise ContentTypeError(reason, "content-type", given, f"one of {', '.join(codecs)} is needed")
    return codec
