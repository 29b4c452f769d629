"""File accesses as messages: one is a batch of accesses to one cache, as JSON or Arrow IPC.

JSON, for example::

    {"cache": "rome", "accesses": [
        {"time": 1732521600.5, "file": "/store/data/…/1.root", "size": 3984588800, "dataset": "/SingleMuon/…/MINIAOD",
         "tier": "MINIAOD", "site": "T2_IT_Rome", "cpu_time": 5120.0, "io_time": 340.5,
         "task": "34218754", "user": "avogadro"}]}

``time``, ``file`` and ``size`` are needed.

An Arrow message is an IPC stream: a schema and one record batch with one row for each access. Columns are named as the
fields of :class:`streams.records.FileAccess`, in any order: ``time``, ``cpu_time``, ``io_time`` (float64), ``size``
(int64), ``file``, ``dataset``, ``tier``, ``site``, ``task``, ``user`` (text). ``time``, ``file`` and ``size`` are
needed; nulls stand for what is not known. The schema's metadata holds the cache's name under ``cache``. Bodies are not
compressed: a compressed one could grow beyond any limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any

import orjson
import pyarrow as pa

from streams.codecs.arrow_message import message, record_batch
from streams.codecs.content_type import ARROW_CONTENT_TYPE, JSON_CONTENT_TYPE, Codec, decoded
from streams.codecs.envelope import listed, parsed
from streams.codecs.limits import MessageLimits, check_most
from streams.codecs.values import check_amount, check_text, check_time, check_whole
from streams.errors import DecodeError
from streams.records import AccessBatch, FileAccess
from streams.source import Message

MOST_BYTES = 2**50
"""A pebibyte: no file is larger, and sums stay whole numbers."""


@dataclass(frozen=True, slots=True)
class AccessLimits(MessageLimits):
    """How large a message may be, and how many accesses it may hold."""

    max_accesses: int

    def check_accesses(self, count: int) -> None:
        """Raise DecodeError if there are none, OversizeError if ``count`` accesses are too many."""
        if count < 1:
            raise DecodeError("no-accesses", "accesses", count)
        check_most(count, self.max_accesses, "too-many-accesses", "accesses", "accesses")


def read_batch(cache: object, rows: Sequence[Any]) -> AccessBatch:
    """A batch of these rows; raise DecodeError naming the row and the field that is missing or wrong.

    Each row maps the fields of :class:`FileAccess` to values; ``time``, ``file`` and ``size`` must be there, others
    may be missing or None, further ones are ignored.
    """
    return AccessBatch(check_text(cache, "cache"), tuple(_access(row, f"access {n}") for n, row in enumerate(rows)))


def _access(row: Any, place: str) -> FileAccess:
    if not isinstance(row, Mapping):
        raise DecodeError("wrong-type", place, row, "an object is needed")
    return FileAccess(
        time=_time(row.get("time"), place),
        file=check_text(row.get("file"), f"{place}: file"),
        dataset=_text(row.get("dataset"), place, "dataset"),
        size=check_whole(row.get("size"), f"{place}: size", 1, MOST_BYTES),
        site=_text(row.get("site"), place, "site"),
        cpu_time=_seconds(row.get("cpu_time"), place, "cpu_time"),
        io_time=_seconds(row.get("io_time"), place, "io_time"),
        tier=_text(row.get("tier"), place, "tier"),
        task=_text(row.get("task"), place, "task"),
        user=_text(row.get("user"), place, "user"),
    )


def _time(value: object, place: str) -> float:
    if value is None:
        raise DecodeError("missing-time", f"{place}: time", value)
    return check_time(value, f"{place}: time")


def _text(value: object, place: str, field: str) -> str:
    return "" if value is None or value == "" else check_text(value, f"{place}: {field}")


def _seconds(value: object, place: str, field: str) -> float | None:
    return None if value is None else check_amount(value, f"{place}: {field}")


def decode_json(raw: bytes, limits: AccessLimits) -> AccessBatch:
    """Batch of one message; raise DecodeError for anything that is not as this module says."""
    limits.check_bytes(len(raw))
    message = parsed(raw, "cache and accesses")
    rows = listed(message, "accesses")
    limits.check_accesses(len(rows))
    return read_batch(message.get("cache"), rows)


def encode_json(batch: AccessBatch) -> bytes:
    """One message; numbers that are not known are left out."""
    return orjson.dumps({"cache": batch.cache, "accesses": [_row(access) for access in batch.accesses]})


def _row(access: FileAccess) -> dict[str, object]:
    return {name: value for name, value in asdict(access).items() if value is not None}


_TYPES: dict[str, Any] = {"time": pa.float64(), "size": pa.int64(), "cpu_time": pa.float64(), "io_time": pa.float64()}
_TYPES |= {name: pa.string() for name in ("file", "dataset", "tier", "site", "task", "user")}
_NEEDED = {"time", "file", "size"}
_CACHE = b"cache"


def decode_arrow(raw: bytes, limits: AccessLimits) -> AccessBatch:
    """Batch of one message; raise DecodeError for anything that is not as this module says."""
    limits.check_bytes(len(raw))
    table = record_batch(raw, _check_schema)
    limits.check_accesses(table.num_rows)
    try:
        table.validate(full=True)
        rows = table.to_pylist()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DecodeError("bad-arrow", "record batch", str(error)) from None
    return read_batch(_cache(table.schema), rows)


def encode_arrow(batch: AccessBatch) -> bytes:
    """One message with all columns."""
    columns = [
        pa.array([getattr(access, field.name) for access in batch.accesses], _TYPES[field.name])
        for field in fields(FileAccess)
    ]
    names = [field.name for field in fields(FileAccess)]
    schema = pa.schema([(name, _TYPES[name]) for name in names], {_CACHE: batch.cache.encode()})
    return message(schema, columns)


def _check_schema(schema: Any) -> None:
    wrong = [field.name for field in schema if _TYPES.get(field.name) != field.type]
    missing = _NEEDED - set(schema.names)
    if wrong or missing or len(set(schema.names)) < len(schema.names):
        hint = ", ".join(f"{name}: {kind}" for name, kind in _TYPES.items())
        raise DecodeError("wrong-schema", "schema", schema.remove_metadata().to_string(), f"columns are {hint}")


def _cache(schema: Any) -> str | None:
    raw = (schema.metadata or {}).get(_CACHE)
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("bad-arrow", "schema metadata 'cache'", raw, str(error)) from None


ACCESS_CODECS: Mapping[str, Codec[AccessBatch, AccessLimits]] = MappingProxyType(
    {
        ARROW_CONTENT_TYPE: Codec(decode_arrow, encode_arrow),
        JSON_CONTENT_TYPE: Codec(decode_json, encode_json),
    }
)
"""By content type, lower case, without parameters."""


def decode_accesses(message: Message, limits: AccessLimits) -> AccessBatch:
    """Batch of a message; raises as :func:`streams.codecs.content_type.decoded`."""
    return decoded(ACCESS_CODECS, message, limits)


def encode_accesses(batch: AccessBatch, content_type: str) -> bytes:
    """Bytes of a batch; raises KeyError for a content type that is not in :data:`ACCESS_CODECS`."""
    return ACCESS_CODECS[content_type].encode(batch)
