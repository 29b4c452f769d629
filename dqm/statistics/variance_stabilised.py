"""Counts in standard deviations, whether they are few or many.

A count whose mean fluctuates by itself, by the share ``spread``, has the variance m + (spread m)**2. The transform
2/spread asinh(spread sqrt(n + 3/8)) gives all such counts nearly the same variance, 1 (F. Anscombe, Biometrika 35
(1948) 246); without a spread it is 2 sqrt(n + 3/8). Zero is a count like any other.
"""

import numpy as np
from scipy.special import ndtr

from streams.arrays import Float64

_OFFSET = 0.375
_LEAST_SPREAD = 1e-4
"""Below it the two transforms are the same in all digits that matter."""


def stabilised(counts: Float64, expected: Float64, spread: Float64) -> Float64:
    """How far ``counts`` lie from what is ``expected``, signed, in about standard deviations; shapes broadcast."""
    return _transformed(counts, spread) - _transformed(expected, spread)


def two_sided(pull: Float64 | float) -> Float64:
    """P-values of standard deviations, of a normal distribution."""
    p_value: Float64 = 2 * ndtr(-np.abs(pull))
    return p_value


def reached(expected: Float64, spread: Float64, reach: Float64) -> Float64:
    """The counts, not below 0, that lie ``reach`` (signed) from what is ``expected``: inverse of :func:`stabilised`."""
    positive_spread = np.maximum(spread, _LEAST_SPREAD)
    turned = np.maximum(positive_spread * (_transformed(expected, spread) + reach) / 2, 0.0)
    counts: Float64 = np.maximum((np.sinh(turned) / positive_spread) ** 2 - _OFFSET, 0.0)
    return counts


def _transformed(counts: Float64, spread: Float64) -> Float64:
    positive_spread = np.maximum(spread, _LEAST_SPREAD)
    pulls: Float64 = 2 / positive_spread * np.arcsinh(positive_spread * np.sqrt(counts + _OFFSET))
    return pulls
