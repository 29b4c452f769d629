"""Arrays as bytes: little-endian, C order, without a header; the catalogue tells the length."""

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from dqm.core.largest_errors import Largest
from dqm.core.state import Bands

FLAG = np.dtype(np.bool_)
SMALL = np.dtype(np.uint8)
NUMBER = np.dtype(np.int32)
REAL = np.dtype(np.float32)
DIGEST = np.dtype(np.uint64)
WHOLE = np.dtype(np.int64)


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


def pack_bands(bands: Bands) -> bytes:
    """All rows, one after the other."""
    return pack(bands.as_array(), REAL)


def unpack_bands(raw: bytes, elements: int) -> Bands:
    """Inverse of :func:`pack_bands`; raises ValueError for bytes that are not those of so many elements."""
    return Bands.from_array(unpack(raw, REAL, (len(fields(Bands)), elements)))
