"""Types of the arrays that suggested actions pass around."""

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]
"""Places of classes in their target."""
Flags = npt.NDArray[np.bool_]
