"""File accesses as an Arrow IPC stream: a schema and one record batch with one row for each access.

Columns are named as the fields of :class:`streams.records.FileAccess`, in any order: ``time``, ``cpu_time``,
``io_time`` (float64), ``size`` (int64), ``file``, ``dataset``, ``tier``, ``site`` (text). ``time``, ``file`` and
``size`` are needed; nulls stand for what is not known. The schema's metadata holds the cache's name under ``cache``.
Bodies are not compressed: a compressed one could grow beyond any limit.
"""

from dataclasses import fields
from typing import Any

import pyarrow as pa

from streams.codecs.accesses.schema import AccessLimits, read_batch
from streams.codecs.arrow_message import message, record_batch
from streams.errors import DecodeError
from streams.records import AccessBatch, FileAccess

CONTENT_TYPE = "application/vnd.apache.arrow.stream"

_TYPES: dict[str, Any] = {"time": pa.float64(), "size": pa.int64(), "cpu_time": pa.float64(), "io_time": pa.float64()}
_TYPES |= {name: pa.string() for name in ("file", "dataset", "tier", "site")}
_NEEDED = {"time", "file", "size"}
_CACHE = b"cache"


def decode(raw: bytes, limits: AccessLimits) -> AccessBatch:
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


def encode(batch: AccessBatch) -> bytes:
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
