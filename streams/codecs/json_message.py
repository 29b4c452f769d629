"""One message as JSON."""

from typing import Any

import orjson

from streams.errors import DecodeError


def parsed(raw: bytes, holding: str) -> dict[str, Any]:
    """The object in the bytes; ``holding`` names its fields in the error. Raises DecodeError for anything else."""
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DecodeError("bad-json", "message", str(error), "NaN and Infinity are not JSON either") from None
    if not isinstance(message, dict):
        raise DecodeError("wrong-type", "message", message, f"an object with {holding} is needed")
    return message


def listed(message: dict[str, Any], field: str) -> list[Any]:
    """The list in a field; raises DecodeError if there is none."""
    found = message.get(field)
    if not isinstance(found, list):
        raise DecodeError("wrong-type", field, found, "a list is needed")
    return found
