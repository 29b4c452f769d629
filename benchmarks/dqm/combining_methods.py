"""The ways of making one p-value of many that are compared: those of :mod:`dqm.core.combination`, and their peers.

* Bonferroni (C. E. Bonferroni, Pubbl. R. Ist. Sup. Sci. Econ. Comm. Firenze 8 (1936)): m min p, a p-value whatever the
  dependence.
* The harmonic mean (D. J. Wilson, PNAS 116 (2019) 1195): m / sum(1/p). Small ones count as in Bonferroni's test, but
  several of them add up. It is somewhat too small to be a p-value itself: e ln(m) times it is one under any dependence
  (V. Vovk, R. Wang, Biometrika 107 (2020) 791).
* Fisher (R. A. Fisher, "Statistical Methods for Research Workers" (4th ed., 1932)): -2 sum ln p is chi-square with 2 m
  degrees of freedom for independent tests. Many small effects add up. Dependent tests make it far too small; M. B.
  Brown's correction (Biometrics 31 (1975) 987) rescales it by what is measured on good data. Where the result is
  calibrated on such data anyhow, both lead to the same decisions for a fixed number of tests.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from scipy.stats import chi2

from dqm.statistics.multiple_testing import cauchy, simes
from streams.arrays import Float32, Float64

_SMALLEST = 1e-300


def bonferroni(p_values: Float32) -> Float64:
    """P-values of the sets along the last axis; NaN is left out, and a set of nothing gives NaN."""
    tested = ~np.isnan(p_values)
    count = tested.sum(axis=-1)
    smallest = np.where(tested, p_values, np.inf).astype(np.float64).min(axis=-1, initial=np.inf)
    return np.where(count > 0, np.minimum(smallest * np.maximum(count, 1), 1.0), np.nan)


def harmonic_mean(p_values: Float32) -> Float64:
    """Means of the sets along the last axis; NaN is left out, and a set of nothing gives NaN."""
    tested = ~np.isnan(p_values)
    count = tested.sum(axis=-1)
    inverse = 1.0 / np.maximum(np.where(tested, p_values, np.inf).astype(np.float64), _SMALLEST)
    return np.where(count > 0, np.maximum(count, 1) / np.maximum(inverse.sum(axis=-1), _SMALLEST), np.nan)


def fisher(p_values: Float32) -> Float64:
    """P-values of the sets along the last axis; NaN is left out, and a set of nothing gives NaN."""
    tested = ~np.isnan(p_values)
    count = tested.sum(axis=-1)
    logs = np.log(np.maximum(np.where(tested, p_values, 1.0).astype(np.float64), _SMALLEST))
    combined = chi2.sf(-2.0 * logs.sum(axis=-1), 2 * np.maximum(count, 1))
    return np.where(count > 0, combined, np.nan)


METHODS: Mapping[str, Callable[[Float32], Float64]] = MappingProxyType(
    {
        "bonferroni": bonferroni,
        "simes": simes,
        "cauchy": cauchy,
        "harmonic-mean": harmonic_mean,
        "fisher": fisher,
    }
)
