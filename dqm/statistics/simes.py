"""One p-value for a set of p-values.

R. J. Simes, Biometrika 73 (1986) 751: min over k of n p_(k) / k. A p-value for independent and for positively
dependent tests; it feels one very small p-value as well as many fairly small ones.
"""

import numpy as np
import numpy.typing as npt


def simes(p_values: npt.NDArray[np.float32]) -> float:
    """Simes' p-value, NaN if nothing was tested; NaN among ``p_values`` marks what was not."""
    tested = np.sort(p_values[~np.isnan(p_values)]).astype(np.float64)
    if not len(tested):
        return float("nan")
    return float(min(1.0, (tested * len(tested) / np.arange(1, len(tested) + 1)).min()))
