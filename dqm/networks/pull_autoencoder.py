"""A small autoencoder of pulls, run in NumPy; :mod:`dqm.networks.training.pull_autoencoder` trains it.

The network sees a histogram as pulls against its reference, so that one network serves all MEs of a group, and
learns the ways in which good lumisections depart from the reference *together*: what it can reconstruct is
ordinary. Bins with next to no expected counts are masked on both sides. Three hidden layers, ELU.
"""

from dataclasses import dataclass

import numpy as np

from dqm.networks.feedforward import elu
from streams.arrays import Float32

INPUT_REACH = 6.0
"""Pulls enter the network within plus and minus this: a fault must not drive its own reconstruction."""
LEAST_PRECISION = 2.0
"""Bins are masked where a doubling of the counts would not be a pull of about two: some one expected count."""
LAYERS = 4


@dataclass(frozen=True, slots=True, eq=False)
class PullAutoencoder:
    """``weights`` are kernel (in, out) and bias (out,) of each of the four layers in turn.

    Raises ValueError if they do not fit onto one another.
    """

    weights: tuple[Float32, ...]

    def __post_init__(self) -> None:
        """Refuse what is no autoencoder."""
        sizes = [weight.shape for weight in self.weights]
        fits = len(sizes) == 2 * LAYERS and all(
            len(kernel) == 2 and bias == kernel[1:] and (not place or kernel[0] == sizes[2 * place - 1][0])
            for place, (kernel, bias) in enumerate(zip(sizes[::2], sizes[1::2], strict=True))
        )
        if not fits or sizes[0][0] != sizes[-1][0]:
            raise ValueError(f"these are not the weights of an autoencoder: {sizes}")

    def reconstructed(self, pulls: Float32) -> Float32:
        """What the network makes of masked ``pulls`` (…, n, bins).

        Each lumisection is a product of its own where these have an axis before n: last digits of a product depend on
        how many rows it has, and a lumisection's score must not depend on which others are judged with it.
        """
        layer: Float32 = np.clip(pulls, -INPUT_REACH, INPUT_REACH)
        for place in range(0, len(self.weights), 2):
            layer = layer @ self.weights[place] + self.weights[place + 1]
            if place < len(self.weights) - 2:
                layer = elu(layer)
        return layer

    def errors(self, pulls: Float32, precision: Float32) -> Float32:
        """Root mean fourth power (…, n) of the residuals of ``pulls`` (…, n, bins), over bins of some ``precision``."""
        mask = (precision >= LEAST_PRECISION).astype(np.float32)
        residual = pulls * mask
        residual -= self.reconstructed(residual)
        residual *= mask
        np.square(residual, out=residual)
        mean = np.vecdot(residual, residual) / (np.vecdot(mask, mask) + np.float32(1.0))
        errors: Float32 = np.sqrt(mean)
        return errors
