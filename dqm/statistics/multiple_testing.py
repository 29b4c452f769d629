"""Many p-values at once: which are discoveries, and one p-value for all of them.

* Control of the false discovery rate (Y. Benjamini, Y. Hochberg, J. R. Stat. Soc. B 57 (1995) 289): with n hypotheses,
  reject those with the k smallest p-values, k the largest for which p_(k) <= q k / n. At most a share q of the
  rejections is false on average, for independent p-values and for positively dependent ones (Benjamini, Yekutieli
  2001).
* Simes' p-value (R. J. Simes, Biometrika 73 (1986) 751): min over k of m p_(k) / k. It is valid for independent and for
  positively dependent tests, and feels one very small p-value as well as many fairly small ones.
* Cauchy's combination (Y. Liu, J. Xie, JASA 115 (2020) 393): the mean of tan((1/2 - p) pi) has nearly Cauchy's
  distribution in its upper tail for any correlation of the tests, because single large values rule it. P-values near 1
  would hide small ones; they are cut at 0.99 (Y. Fang et al., Stat. Sin. 33 (2023) 1115).
"""

import numpy as np

from streams.arrays import Float32, Float64


def discovery_threshold(p_values: Float32, rate: float) -> float:
    """Largest p-value that is rejected, 0 if none is; NaN marks what was not tested and does not count."""
    tested = np.sort(p_values[~np.isnan(p_values)])
    limits = rate * np.arange(1, len(tested) + 1) / max(len(tested), 1)
    passed = np.flatnonzero(tested <= limits)
    return float(tested[passed[-1]]) if len(passed) else 0.0


def simes(p_values: Float32) -> Float64:
    """P-values of the sets along the last axis; NaN is left out, and a set of nothing gives NaN."""
    # NaN is sorted behind everything, and what is behind does not count.
    ordered = np.sort(p_values, axis=-1).astype(np.float64)
    count = (~np.isnan(ordered)).sum(axis=-1, keepdims=True)
    scaled = ordered * count / np.arange(1, ordered.shape[-1] + 1)
    smallest = np.where(np.isnan(scaled), np.inf, scaled).min(axis=-1, initial=np.inf)
    return np.where(count[..., 0] > 0, np.minimum(smallest, 1.0), np.nan)


LARGEST = 0.99
_SMALLEST = 1e-300


def cauchy(p_values: Float32) -> Float64:
    """P-values of the sets along the last axis; NaN is left out, and a set of nothing gives NaN."""
    tested = ~np.isnan(p_values)
    count = tested.sum(axis=-1)
    clipped = np.clip(np.where(tested, p_values, 0.5).astype(np.float64), _SMALLEST, LARGEST)
    # cot(p pi) is tan((1/2 - p) pi) without the loss of digits at small p; it is 0 for what was left out.
    mean = np.where(tested, 1.0 / np.tan(np.pi * clipped), 0.0).sum(axis=-1) / np.maximum(count, 1)
    # For a large mean x the tail is 1/(pi x); arctan2 keeps its digits.
    combined = np.arctan2(1.0, mean) / np.pi
    return np.where(count > 0, combined, np.nan)
