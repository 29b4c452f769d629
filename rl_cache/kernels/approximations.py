"""Logarithms and exponentials to a few digits, which is enough for features, in a fraction of the time.

A float64 is split into exponent and mantissa by its bits; polynomials do the rest.
"""

import numpy as np

from rl_cache.kernels.jit import bits_of, float_of, kernel

_LN2 = 0.6931471805599453
_ONE = 0x3FF0000000000000
_MANTISSA = 0x000FFFFFFFFFFFFF


@kernel
def log(value: float) -> float:
    """Natural logarithm of a positive normal number, to 2e-5."""
    bits = bits_of(value)
    x = float_of((bits & _MANTISSA) | _ONE) - 1.0
    curve = 0.4418358721 + x * (-0.2665362803 + x * (0.1470187704 - x * 0.0442437413))
    return float(_LN2 * ((bits >> 52) - 1023 + x + x * (1.0 - x) * curve))


@kernel
def exp(value: float) -> float:
    """The exponential of a number that is not greater than 700, to 5e-6 of its value; 0 far below -700."""
    power = max(value, -700.0) / _LN2
    whole = int(np.floor(power))
    x = power - whole
    curve = -0.3069951189 + x * (-0.0654555105 - x * 0.0136894552)
    return float(float_of((whole + 1023) << 52) * (1.0 + x + x * (1.0 - x) * curve))
