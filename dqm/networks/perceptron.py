"""A multilayer perceptron that classifies: dense layers with ReLU and a softmax, evaluated in NumPy."""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from streams.arrays import Float32


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
