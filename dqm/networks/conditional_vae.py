"""The conditional variational autoencoder of rates, run in NumPy; TensorFlow trains it.

K. Sohn et al., NeurIPS 28 (2015) 3483; for trigger rates arXiv:2010.05531. The encoder is shown the paths' residuals
and the condition, the residuals of the seeds, and gives mean and logarithm of the variance of the code; the decoder
is shown the code and the condition and gives mean and logarithm of the variance of each path. A network whose condition
is empty is the plain variational autoencoder.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from dqm.networks.feedforward import elu
from streams.arrays import Float32

Layers = tuple[tuple[Float32, Float32], ...]

REACH = 6.0
"""Residuals enter within plus and minus this: a fault must not drive its own expectation."""
LOG_VARIANCE = 8.0
"""Logarithms of variances stay within plus and minus this."""


@dataclass(frozen=True, slots=True, eq=False)
class ConditionalVae:
    """``encoder`` and ``decoder`` are layers, each a kernel (in, out) and a bias (out,), with ELU between.

    The last layer of each gives twice as many numbers as there are in the code, or paths. ``direct`` (c, paths) is
    added to the mean of the paths: what follows the condition in proportion. Raises ValueError if they do not fit.
    """

    encoder: Layers
    decoder: Layers
    direct: Float32

    def __post_init__(self) -> None:
        """Refuse what is no such network."""
        condition, paths = self.direct.shape
        widths = (paths + condition, 2 * self.code), (self.code + condition, 2 * paths)
        for layers, (first, last) in zip((self.encoder, self.decoder), widths, strict=True):
            inner = [kernel.shape for kernel, _ in layers]
            joined = all(before[1] == after[0] for before, after in pairwise(inner))
            biased = all(bias.shape == kernel.shape[1:] for kernel, bias in layers)
            if not (joined and biased and (inner[0][0], inner[-1][1]) == (first, last)):
                raise ValueError(f"these are not the layers of a network of {paths} rates: {inner}")

    @property
    def code(self) -> int:
        """Numbers of the code."""
        return len(self.encoder[-1][1]) // 2

    def encoded(self, paths: Float32, condition: Float32) -> tuple[Float32, Float32]:
        """Mean and logarithm of the variance of the code, (L, z) each, of ``paths`` (L, p) and ``condition`` (L, c)."""
        return _halves(_forward(self.encoder, np.concatenate([clipped(paths), clipped(condition)], axis=1)))

    def decoded(self, code: Float32, condition: Float32) -> tuple[Float32, Float32]:
        """Mean and logarithm of the variance of each path, (L, p) each."""
        shown = clipped(condition)
        mean, log_variance = _halves(_forward(self.decoder, np.concatenate([code, shown], axis=1)))
        return mean + shown @ self.direct, log_variance

    def predicted(self, condition: Float32) -> Float32:
        """Mean (L, p) of each path from the condition alone: the code is that of a typical lumisection, 0."""
        return self.decoded(np.zeros((len(condition), self.code), dtype=np.float32), condition)[0]

    def divergence(self, paths: Float32, condition: Float32) -> Float32:
        """Mean Kullback-Leibler divergence (L,) of the code from the standard normal distribution."""
        mean, log_variance = self.encoded(paths, condition)
        parts = 0.5 * (np.square(mean) + np.exp(log_variance) - log_variance - 1)
        divergence: Float32 = parts.mean(axis=1)
        return divergence

    def largest(self, paths: Float32, condition: Float32) -> Float32:
        """The largest squared error (L,) of the reconstruction, in units of its variance."""
        mean, log_variance = self.decoded(self.encoded(paths, condition)[0], condition)
        worst: Float32 = (np.square(paths - mean) / np.exp(log_variance)).max(axis=1)
        return worst

    def arrays(self) -> dict[str, Float32]:
        """The numbers by name, to be saved."""
        named: dict[str, Float32] = {"direct": self.direct}
        for name, layers in (("encoder", self.encoder), ("decoder", self.decoder)):
            for place, (kernel, bias) in enumerate(layers):
                named |= {f"{name}{place}/kernel": kernel, f"{name}{place}/bias": bias}
        return named

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> "ConditionalVae":
        """Inverse of :meth:`arrays`."""

        def layers(name: str) -> Layers:
            places = range(sum(key.startswith(name) and key.endswith("kernel") for key in arrays))
            return tuple((arrays[f"{name}{at}/kernel"], arrays[f"{name}{at}/bias"]) for at in places)

        return cls(layers("encoder"), layers("decoder"), arrays["direct"])


def clipped(residuals: Float32) -> Float32:
    """What a network is shown of ``residuals``."""
    shown: Float32 = np.clip(residuals, -REACH, REACH).astype(np.float32)
    return shown


def _forward(layers: Layers, shown: Float32) -> Float32:
    for kernel, bias in layers[:-1]:
        shown = elu(shown @ kernel + bias)
    kernel, bias = layers[-1]
    last: Float32 = shown @ kernel + bias
    return last


def _halves(last: Float32) -> tuple[Float32, Float32]:
    mean, log_variance = np.split(last, 2, axis=1)
    return mean, np.clip(log_variance, -LOG_VARIANCE, LOG_VARIANCE)
