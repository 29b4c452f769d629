"""One p-value for a set of p-values, by rank.

R. J. Simes, Biometrika 73 (1986) 751: min over k of m p_(k) / k. A p-value for independent and for positively
dependent tests; it feels one very small p-value as well as many fairly small ones.
"""

import numpy as np
import numpy.typing as npt


def simes(p_values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """P-values of the sets along the last axis; NaN is left out, and a set of nothing gives NaN."""
    # NaN is sorted behind everything, and what is behind does not count.
    ordered = np.sort(p_values, axis=-1).astype(np.float64)
    count = (~np.isnan(ordered)).sum(axis=-1, keepdims=True)
    scaled = ordered * count / np.arange(1, ordered.shape[-1] + 1)
    smallest = np.where(np.isnan(scaled), np.inf, scaled).min(axis=-1, initial=np.inf)
    return np.where(count[..., 0] > 0, np.minimum(smallest, 1.0), np.nan)
