"""Logarithms and exponentials to a few digits, which is enough for features, in a fraction of the time.

A float64 is split into exponent and mantissa by its bits; polynomials do the rest.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from rl_cache.kernels.jit import kernel

_LN2 = 0.6931471805599453
_ONE = 0x3FF0000000000000
_MANTISSA = 0x000FFFFFFFFFFFFF


def _as_integer(_context: Any, _value: Any) -> Any:
    return types.int64(types.float64), lambda _, builder, __, args: builder.bitcast(args[0], ir.IntType(64))


def _as_float(_context: Any, _value: Any) -> Any:
    return types.float64(types.int64), lambda _, builder, __, args: builder.bitcast(args[0], ir.DoubleType())


_bits = cast(Callable[[float], int], intrinsic(_as_integer))
_from_bits = cast(Callable[[int], float], intrinsic(_as_float))


@kernel
def log(value: float) -> float:
    """Natural logarithm of a positive normal number, to 2e-5."""
    bits = _bits(value)
    x = _from_bits((bits & _MANTISSA) | _ONE) - 1.0
    curve = 0.4418358721 + x * (-0.2665362803 + x * (0.1470187704 - x * 0.0442437413))
    return float(_LN2 * ((bits >> 52) - 1023 + x + x * (1.0 - x) * curve))


@kernel
def exp(value: float) -> float:
    """The exponential of a number that is not greater than 700, to 5e-6 of its value; 0 far below -700."""
    power = max(value, -700.0) / _LN2
    whole = int(np.floor(power))
    x = power - whole
    curve = -0.3069951189 + x * (-0.0654555105 - x * 0.0136894552)
    return float(_from_bits((whole + 1023) << 52) * (1.0 + x + x * (1.0 - x) * curve))
