"""Caches as the page shows them: what was read and missed by day, and what other sizes and policies would miss."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from sqlalchemy import BigInteger, Column, Connection, Float, Integer, Table, delete, insert, select

from opint.store.sql import columns_of, replacing
from opint.store.tables import Name, cache_trial, metadata

if TYPE_CHECKING:
    from rl_cache.trials.shadow import Trials

cache_day = Table(
    "cache_day",
    metadata,
    Column("cache", Name, primary_key=True),
    Column("day", Integer, primary_key=True, comment="counted from 1970; the last one may not be over"),
    Column("requests", BigInteger, nullable=False),
    Column("read_bytes", BigInteger, nullable=False, comment="requested"),
    Column("misses", BigInteger, nullable=False, comment="of the cache in shadow under LRU, as the next two"),
    Column("missed_bytes", BigInteger, nullable=False),
    Column("written_bytes", BigInteger, nullable=False),
)

cache_curve = Table(
    "cache_curve",
    metadata,
    Column("cache", Name, primary_key=True),
    Column("policy", Name, primary_key=True),
    Column("capacity_bytes", BigInteger, primary_key=True),
    Column("byte_miss_ratio", Float, nullable=False),
    Column("request_miss_ratio", Float, nullable=False),
    Column("written_per_read", Float, nullable=False, comment="bytes written of bytes read"),
    Column("computed_s", Float, nullable=False),
)


@dataclass(frozen=True, slots=True)
class CacheDay:
    """What a cache was asked for on a day of UTC, and what LRU would have missed of it."""

    day: Annotated[int, Field(description="counted from 1970-01-01; the last one may not be over")]
    requests: int
    read_bytes: int
    misses: int
    missed_bytes: int
    written_bytes: int


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A policy at a size, on the trace that the suggestions were made from."""

    policy: str
    capacity_bytes: int
    byte_miss_ratio: float
    request_miss_ratio: float
    written_per_read: Annotated[float, Field(description="bytes written of bytes read")]
    computed_s: float


@dataclass(frozen=True, slots=True)
class StoredCache:
    """A cache in shadow; ``through_s`` is the time of the newest access that it has served."""

    cache: str
    capacity_bytes: int
    through_s: int
    updated_s: float


def save_days(tx: Connection, cache: str, trials: "Trials") -> None:
    """Store the days that the trials have counted, each in place of what was stored of it."""
    misses, missed_bytes, written_bytes = trials.misses[0], trials.missed_bytes[0], trials.written_bytes[0]
    columns = (trials.day, trials.requests, trials.read_bytes, misses, missed_bytes, written_bytes)
    rows = [
        {"cache": cache} | asdict(CacheDay(*map(int, numbers)))
        for numbers in zip(*(column.tolist() for column in columns), strict=True)
    ]
    if rows:
        tx.execute(replacing(tx, cache_day), rows)


def save_curves(tx: Connection, cache: str, points: Iterable[CurvePoint]) -> None:
    """Store these points in place of those before."""
    tx.execute(delete(cache_curve).where(cache_curve.c.cache == cache))
    rows = [{"cache": cache} | asdict(point) for point in points]
    if rows:
        tx.execute(insert(cache_curve), rows)


def stored_caches(tx: Connection) -> Sequence[StoredCache]:
    """All caches in shadow, by name."""
    rows = tx.execute(select(*columns_of(cache_trial, StoredCache)).order_by(cache_trial.c.cache))
    return [StoredCache(*row) for row in rows]


def days(tx: Connection, cache: str, limit: int) -> Sequence[CacheDay]:
    """The newest ``limit`` days of a cache on which anything was read, oldest first."""
    newest = select(*columns_of(cache_day, CacheDay)).where(cache_day.c.cache == cache)
    rows = tx.execute(newest.order_by(cache_day.c.day.desc()).limit(limit)).all()
    return [CacheDay(*row) for row in reversed(rows)]


def curves(tx: Connection, cache: str) -> Sequence[CurvePoint]:
    """All points of a cache, by policy and size."""
    query = select(*columns_of(cache_curve, CurvePoint)).where(cache_curve.c.cache == cache)
    rows = tx.execute(query.order_by(cache_curve.c.policy, cache_curve.c.capacity_bytes))
    return [CurvePoint(*row) for row in rows]
