"""What every decoded file access must fulfil, whatever format it came in."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streams.codecs.checks import check_text
from streams.errors import DecodeError, OversizeError
from streams.records import AccessBatch, FileAccess

LATEST_S = 2.0**36
"""The year 4147: any later time is not in seconds."""
MOST_BYTES = 2**50
"""A pebibyte: no file is larger, and sums stay whole numbers."""


@dataclass(frozen=True, slots=True)
class AccessLimits:
    """How large a message may be, and how many accesses it may hold."""

    max_message_bytes: int
    max_accesses: int

    def check_bytes(self, size: int) -> None:
        """Raise OversizeError if ``size`` bytes are too many."""
        if size > self.max_message_bytes:
            raise OversizeError("too-large", "message", size, f"at most {self.max_message_bytes} bytes are allowed")

    def check_accesses(self, count: int) -> None:
        """Raise DecodeError if there are none, OversizeError if ``count`` accesses are too many."""
        if count < 1:
            raise DecodeError("no-accesses", "accesses", count)
        if count > self.max_accesses:
            raise OversizeError("too-many-accesses", "accesses", count, f"at most {self.max_accesses} are allowed")


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
        size=_size(row.get("size"), place),
        site=_text(row.get("site"), place, "site"),
        cpu_time=_seconds(row.get("cpu_time"), place, "cpu_time"),
        io_time=_seconds(row.get("io_time"), place, "io_time"),
        tier=_text(row.get("tier"), place, "tier"),
    )


def _time(value: object, place: str) -> float:
    seconds = _seconds(value, place, "time")
    if seconds is None:
        raise DecodeError("missing-time", f"{place}: time", value)
    if seconds > LATEST_S:
        raise DecodeError("not-seconds", f"{place}: time", value, "seconds since 1970 are needed")
    return seconds


def _size(value: object, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise DecodeError("wrong-type", f"{place}: size", value, "a whole number of bytes is needed")
    if not 1 <= value <= MOST_BYTES:
        raise DecodeError("out-of-range", f"{place}: size", value, "sizes are whole bytes, at least 1")
    return value


def _text(value: object, place: str, field: str) -> str:
    return "" if value is None or value == "" else check_text(value, f"{place}: {field}")


def _seconds(value: object, place: str, field: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DecodeError("wrong-type", f"{place}: {field}", value, "a number of seconds is needed")
    if not (math.isfinite(value) and value >= 0):
        raise DecodeError("out-of-range", f"{place}: {field}", value, "a finite number, not below 0, is needed")
    return float(value)
