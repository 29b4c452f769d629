"""Types of arrays; shapes and units are stated where they are used."""

from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
"""Rows or columns of other arrays."""
Days = npt.NDArray[np.datetime64]
"""Days as datetime64[D]."""
NamedArrays = dict[str, npt.NDArray[Any]]
