"""Cauchy's combination of p-values.

Y. Liu, J. Xie, JASA 115 (2020) 393: the mean of tan((1/2 - p) pi) has nearly Cauchy's distribution in its upper tail
for any correlation of the tests, because single large values rule it. P-values near 1 would be as large on the other
side and hide small ones; they are cut at 0.99 (Y. Fang, C. Chang, Y. Park, G. C. Tseng, Stat. Sin. 33 (2023) 1115).
"""

import numpy as np
import numpy.typing as npt

LARGEST = 0.99
_SMALLEST = 1e-300


def cauchy(p_values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """P-values of the sets along the last axis; NaN is left out, and a set of nothing gives NaN."""
    tested = ~np.isnan(p_values)
    count = tested.sum(axis=-1)
    clipped = np.clip(np.where(tested, p_values, 0.5).astype(np.float64), _SMALLEST, LARGEST)
    # cot(p pi) is tan((1/2 - p) pi) without the loss of digits at small p; it is 0 for what was left out.
    mean = np.where(tested, 1.0 / np.tan(np.pi * clipped), 0.0).sum(axis=-1) / np.maximum(count, 1)
    # For a large mean x the tail is 1/(pi x); arctan2 keeps its digits.
    combined = np.arctan2(1.0, mean) / np.pi
    return np.where(count > 0, combined, np.nan)
