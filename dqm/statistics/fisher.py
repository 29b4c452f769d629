"""Fisher's combination of p-values.

R. A. Fisher, "Statistical Methods for Research Workers" (4th ed., 1932): -2 sum ln p is chi-square with 2 m degrees of
freedom for independent tests. Many small effects add up. Dependent tests make it far too small; M. B. Brown's
correction (Biometrics 31 (1975) 987) rescales it by what is measured on good data. Where the result is calibrated on
such data anyhow, as in :mod:`dqm.core.combination`, both lead to the same decisions for a fixed number of tests.
"""

import numpy as np
from scipy.stats import chi2

from dqm.arrays import Float32, Float64

_SMALLEST = 1e-300


def fisher(p_values: Float32) -> Float64:
    """P-values of the sets along the last axis; NaN is left out, and a set of nothing gives NaN."""
    tested = ~np.isnan(p_values)
    count = tested.sum(axis=-1)
    logs = np.log(np.maximum(np.where(tested, p_values, 1.0).astype(np.float64), _SMALLEST))
    combined = chi2.sf(-2.0 * logs.sum(axis=-1), 2 * np.maximum(count, 1))
    return np.where(count > 0, combined, np.nan)
