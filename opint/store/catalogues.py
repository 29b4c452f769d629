"""Arrays as bytes, and the catalogues that say what is in them."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import fields
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, select

from dqm.core.largest_errors import Largest
from dqm.core.state import Numbers
from opint.store.sql import insert_into
from opint.store.tables import catalogue
from streams.records import Catalogue

FLAG = np.dtype(np.bool_)
SMALL = np.dtype(np.uint8)
NUMBER = np.dtype(np.int32)
REAL = np.dtype(np.float32)
DIGEST = np.dtype(np.uint64)
WHOLE = np.dtype(np.int64)

_Numbers = TypeVar("_Numbers", bound=Numbers)


def pack(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> bytes:
    """The bytes of ``values``, which must have the kind and size of ``dtype``; raises TypeError otherwise."""
    if values.dtype.newbyteorder("=") != dtype:
        raise TypeError(f"array of {values.dtype} where {dtype} is stored")
    return np.ascontiguousarray(values, dtype.newbyteorder("<")).tobytes()


def unpack(raw: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Inverse of :func:`pack`, read-only; raises ValueError if the bytes do not fill ``shape`` exactly."""
    flat = np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype, copy=False)
    if flat.size != np.prod(shape, dtype=int):
        raise ValueError(f"{flat.size} stored values where the catalogue has {shape}")
    return flat.reshape(shape)


def pack_largest(largest: Largest) -> bytes:
    """The number of members, then all errors, then all features."""
    members = np.array([len(largest.errors)], dtype=NUMBER)
    return pack(members, NUMBER) + pack(largest.errors, REAL) + pack(largest.features, NUMBER)


def unpack_largest(raw: bytes) -> Largest:
    """Inverse of :func:`pack_largest`; raises ValueError for bytes that it cannot have made."""
    size = NUMBER.itemsize
    members = int(unpack(raw[:size], NUMBER, (1,))[0])
    half = (len(raw) - size) // 2
    shape = (members, half // size // max(members, 1))
    return Largest(unpack(raw[size : size + half], REAL, shape), unpack(raw[size + half :], NUMBER, shape))


def pack_numbers(numbers: Numbers) -> bytes:
    """All rows, one after the other."""
    return pack(numbers.as_array(), REAL)


def unpack_numbers(kind: type[_Numbers], raw: bytes, elements: int) -> _Numbers:
    """Inverse of :func:`pack_numbers`; raises ValueError for bytes that are not those of so many elements."""
    return kind.from_array(unpack(raw, REAL, (len(fields(kind)), elements)))


MOST_CACHED = 64
"""Catalogues in memory; one of 846 MEs takes about 1 MB."""

# By digest, hence the same for every database.
_cached: OrderedDict[str, Catalogue] = OrderedDict()
_guard = Lock()


def save(tx: Connection, catalogues: Collection[Catalogue]) -> None:
    """Store those that are not stored yet."""
    by_digest = {record.digest: record for record in catalogues}
    for record in by_digest.values():
        _cache(record)
    stored = set(tx.scalars(select(catalogue.c.digest).where(catalogue.c.digest.in_(list(by_digest)))))
    rows = [
        {"digest": digest, "elements": record.as_json()} for digest, record in by_digest.items() if digest not in stored
    ]
    if rows:
        tx.execute(insert_into(tx, catalogue).on_conflict_do_nothing(), rows)


def load(tx: Connection, digests: Collection[str]) -> dict[str, Catalogue]:
    """Catalogues by digest; raises KeyError for one that is not stored."""
    loaded = {digest: cached for digest in set(digests) if (cached := _get(digest)) is not None}
    missing = set(digests) - loaded.keys()
    if missing:
        query = select(catalogue.c.digest, catalogue.c.elements).where(catalogue.c.digest.in_(sorted(missing)))
        for digest, elements in tx.execute(query):
            loaded[digest] = Catalogue.from_json(elements)
            _cache(loaded[digest])
    return {digest: loaded[digest] for digest in digests}


def _get(digest: str) -> Catalogue | None:
    with _guard:
        cached = _cached.get(digest)
        if cached is not None:
            _cached.move_to_end(digest)
        return cached


def _cache(record: Catalogue) -> None:
    with _guard:
        _cached[record.digest] = record
        _cached.move_to_end(record.digest)
        if len(_cached) > MOST_CACHED:
            _cached.popitem(last=False)
