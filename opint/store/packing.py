"""Arrays as bytes: little-endian, C order, without a header; the catalogue tells the length."""

from typing import Any

import numpy as np
import numpy.typing as npt

FLAG = np.dtype(np.bool_)
SMALL = np.dtype(np.uint8)
REAL = np.dtype(np.float32)
DIGEST = np.dtype(np.uint64)


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
