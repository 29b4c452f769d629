"""Types of the arrays that popularity and placement pass around."""

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
"""Rows or columns of other arrays."""
Days = npt.NDArray[np.datetime64]
"""Days as datetime64[D]."""
