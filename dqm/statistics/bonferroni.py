"""The smallest p-value, paid for by the number of tests.

C. E. Bonferroni, Pubbl. R. Ist. Sup. Sci. Econ. Comm. Firenze 8 (1936): m min p. A p-value whatever the dependence.
"""

import numpy as np

from dqm.arrays import Float32, Float64


def bonferroni(p_values: Float32) -> Float64:
    """P-values of the sets along the last axis; NaN is left out, and a set of nothing gives NaN."""
    tested = ~np.isnan(p_values)
    count = tested.sum(axis=-1)
    smallest = np.where(tested, p_values, np.inf).astype(np.float64).min(axis=-1, initial=np.inf)
    return np.where(count > 0, np.minimum(smallest * np.maximum(count, 1), 1.0), np.nan)
