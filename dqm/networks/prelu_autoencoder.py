"""A fully connected autoencoder with PReLU units, run in NumPy.

TensorFlow trains it, plain (:mod:`dqm.networks.training.prelu_autoencoder`) or variational; to run it takes four matrix
products. Rows are multiplied in blocks of one size, because the rounding of a matrix product may depend on its
size: the same row gives the same bytes in any company.
"""

from dataclasses import dataclass

import numpy as np

from streams.arrays import Float32

INPUT_REACH = 6.0
"""Features enter the network within plus and minus this: a fault must not drive its own reconstruction."""

BLOCK = 8


@dataclass(frozen=True, slots=True, eq=False)
class PreluAutoencoder:
    """``kernels`` (in, out) and ``biases`` (out,) of each layer; ``slopes`` (out,) of all layers but the last.

    A PReLU unit gives x for x > 0 and ``slope * x`` otherwise (K. He et al., arXiv:1502.01852). Raises ValueError
    if the layers do not fit onto one another, or the last does not give what the first takes.
    """

    kernels: tuple[Float32, ...]
    biases: tuple[Float32, ...]
    slopes: tuple[Float32, ...]

    def __post_init__(self) -> None:
        """Refuse what is no autoencoder."""
        widths = [*(kernel.shape[0] for kernel in self.kernels), *(kernel.shape[1] for kernel in self.kernels[-1:])]
        fits = (
            len(self.kernels) == len(self.biases) == len(self.slopes) + 1
            and all(kernel.shape == (a, b) for kernel, a, b in zip(self.kernels, widths, widths[1:], strict=False))
            and all(bias.shape == (width,) for bias, width in zip(self.biases, widths[1:], strict=True))
            and all(slope.shape == (width,) for slope, width in zip(self.slopes, widths[1:-1], strict=True))
            and widths[0] == widths[-1]
        )
        if not fits:
            raise ValueError(f"these are not the layers of an autoencoder: {[kernel.shape for kernel in self.kernels]}")

    @property
    def features(self) -> int:
        """How many numbers go in and come out."""
        return len(self.kernels[0])

    def reconstructed(self, features: Float32) -> Float32:
        """What the network makes of ``features`` (L, f), (L, f)."""
        result = np.empty_like(features)
        padded = np.zeros((BLOCK, self.features), dtype=np.float32)
        for start in range(0, len(features), BLOCK):
            rows = features[start : start + BLOCK]
            padded[: len(rows)] = np.clip(rows, -INPUT_REACH, INPUT_REACH)
            result[start : start + len(rows)] = self._forward(padded)[: len(rows)]
        return result

    def _forward(self, layer: Float32) -> Float32:
        for kernel, bias, slope in zip(self.kernels, self.biases, self.slopes, strict=False):
            layer = layer @ kernel + bias
            layer = np.where(layer > 0, layer, layer * slope)
        last: Float32 = layer @ self.kernels[-1] + self.biases[-1]
        return last

    def arrays(self) -> dict[str, Float32]:
        """The numbers by name, to be saved."""
        named = {"kernel": self.kernels, "bias": self.biases, "slope": self.slopes}
        return {f"{name}{place}": array for name, layers in named.items() for place, array in enumerate(layers)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Float32]) -> "PreluAutoencoder":
        """Inverse of :meth:`arrays`."""

        def numbered(name: str) -> tuple[Float32, ...]:
            return tuple(arrays[f"{name}{place}"] for place in range(len(arrays)) if f"{name}{place}" in arrays)

        return cls(numbered("kernel"), numbered("bias"), numbered("slope"))
