"""File accesses as JSON, which any cache's monitoring can write.

For example::

    {"cache": "rome", "accesses": [
        {"time": 1732521600.5, "file": "/store/data/…/1.root", "size": 3984588800, "dataset": "/SingleMuon/…/MINIAOD",
         "tier": "MINIAOD", "site": "T2_IT_Rome", "cpu_time": 5120.0, "io_time": 340.5}]}

``time``, ``file`` and ``size`` are needed (:mod:`streams.codecs.accesses.schema`).
"""

from dataclasses import asdict

import orjson

from streams.codecs.accesses.schema import AccessLimits, read_batch
from streams.codecs.envelope import listed, parsed
from streams.records import AccessBatch, FileAccess

CONTENT_TYPE = "application/json"


def decode(raw: bytes, limits: AccessLimits) -> AccessBatch:
    """Batch of one message; raise DecodeError for anything that is not as this module says."""
    limits.check_bytes(len(raw))
    message = parsed(raw, "cache and accesses")
    rows = listed(message, "accesses")
    limits.check_accesses(len(rows))
    return read_batch(message.get("cache"), rows)


def encode(batch: AccessBatch) -> bytes:
    """One message; numbers that are not known are left out."""
    return orjson.dumps({"cache": batch.cache, "accesses": [_row(access) for access in batch.accesses]})


def _row(access: FileAccess) -> dict[str, object]:
    return {name: value for name, value in asdict(access).items() if value is not None}
