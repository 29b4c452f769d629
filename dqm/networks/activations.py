"""Activations that several networks share."""

import numpy as np

from streams.arrays import Float32


def elu(layer: Float32) -> Float32:
    """X for x > 0, exp(x) - 1 otherwise (D.-A. Clevert et al., arXiv:1511.07289)."""
    bent: Float32 = np.where(layer > 0, layer, np.expm1(np.minimum(layer, 0)))
    return bent
