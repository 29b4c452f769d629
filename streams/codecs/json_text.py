"""JSON as programs really write it: with a byte order mark, with NaN, with one name twice.

A value that JSON has no word for (NaN, Infinity) becomes null, so that only the place that holds it is refused and not
the message around it.
"""

import json
import re
from typing import Any

import orjson

from streams.codecs.checks import BEGIN_BYTES, check_begin
from streams.errors import DecodeError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NO_JSON = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b')
"""Strings, to pass over them, and the numbers that Python and JavaScript write although JSON has none of them."""


def parse_json(raw: bytes, field: str = "message") -> Any:
    """The value in the bytes; raise DecodeError, which says whether they are JSON, text or compressed at all."""
    raw = raw.removeprefix(_BYTE_ORDER_MARK)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        first = error
    if raw:
        check_begin(raw[:BEGIN_BYTES], field)
    try:
        return orjson.loads(_with_null_for_nan(raw))
    except orjson.JSONDecodeError:
        raise DecodeError("bad-json", field, str(first)) from None


def first_of_each_name(raw: bytes, field: str = "message") -> tuple[dict[str, Any], list[str]]:
    """The object in bytes that :func:`parse_json` reads, the first value of each name, and the names that come again.

    Raises DecodeError for an object that is nested too deeply.
    """
    names: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal names
        values = dict(reversed(pairs))
        # The outermost object is read last.
        names = [name for name, _ in pairs]
        return {name: values[name] for name in dict.fromkeys(names)}

    text = _with_null_for_nan(raw.removeprefix(_BYTE_ORDER_MARK))
    try:
        message = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise DecodeError("bad-json", field, str(error)) from None
    return message, [name for name in message if names.count(name) > 1]


def _with_null_for_nan(raw: bytes) -> bytes:
    return _NO_JSON.sub(lambda match: match[0] if match[0].startswith(b'"') else b"null", raw)
