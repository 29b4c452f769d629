"""Feed-forward layers in NumPy: the activation that several networks share, and a perceptron that classifies."""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from streams.arrays import Float32


def elu(layer: Float32) -> Float32:
    """X for x > 0, exp(x) - 1 otherwise (D.-A. Clevert et al., arXiv:1511.07289)."""
    # Of the two terms one is zero; to choose between them takes four times as long.
    bent: Float32 = np.expm1(np.minimum(layer, 0))
    bent += np.maximum(layer, 0)
    return bent


@dataclass(frozen=True)
class Perceptron:
    """``layers`` are kernels (inputs, outputs) and biases (outputs,), in order."""

    layers: tuple[tuple[Float32, Float32], ...]

    def probabilities(self, features: Float32) -> Float32:
        """Probabilities (n, k) of the classes for features (n, f)."""
        layer = features
        for kernel, bias in self.layers[:-1]:
            layer = np.maximum(layer @ kernel + bias, 0.0)
        kernel, bias = self.layers[-1]
        probability: Float32 = softmax(layer @ kernel + bias, axis=1)
        return probability
