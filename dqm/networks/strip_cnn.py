"""A small convolutional network that tells good strips from bad ones, run in NumPy.

The local approach of A. Pol et al. (Comput. Softw. Big Sci. 3 (2019) 3, arXiv:1808.00911): ten filters of width 3,
maxima over 5 places, eight hidden units, two outputs. :mod:`dqm.networks.training.strip_cnn` trains it.
"""

from dataclasses import dataclass

import numpy as np

from streams.arrays import Float32

FILTERS, WIDTH, POOL, HIDDEN = 10, 3, 5, 8


@dataclass(frozen=True, slots=True, eq=False)
class StripCnn:
    """``weights`` are kernel and bias of the convolution, the hidden layer and the output.

    Raises ValueError if they are not those of such a network.
    """

    weights: tuple[Float32, ...]

    def __post_init__(self) -> None:
        """Refuse what is no such network."""
        sizes = [weight.shape for weight in self.weights]
        fits = (
            len(sizes) == 6
            and sizes[:2] == [(WIDTH, 1, FILTERS), (FILTERS,)]
            and len(sizes[2]) == 2
            and sizes[2][0] % FILTERS == 0
            and sizes[3:] == [(HIDDEN,), (HIDDEN, 2), (2,)]
        )
        if not fits:
            raise ValueError(f"these are not the weights of a local network: {sizes}")

    def surprise(self, strips: Float32) -> Float32:
        """-ln of the probability that each of the prepared ``strips`` (n, length) is good, (n,); 0 is surely good."""
        logits = self.logits(strips)
        surprise: Float32 = np.logaddexp(np.float32(0.0), logits[:, 1] - logits[:, 0])
        return surprise

    def logits(self, strips: Float32) -> Float32:
        """Log-odds (n, 2) of good and bad, up to a common constant."""
        kernel, bias, hidden, hidden_bias, output, output_bias = self.weights
        neighbours = np.lib.stride_tricks.sliding_window_view(strips, WIDTH, axis=1)
        filtered = (neighbours.reshape(-1, WIDTH) @ kernel[:, 0]).reshape(len(strips), -1, POOL, FILTERS)
        # The largest of biased, rectified values is the biased, rectified largest value.
        layer = np.maximum(filtered.max(axis=2) + bias, 0).reshape(len(strips), -1)
        layer = np.maximum(layer @ hidden + hidden_bias, 0)
        logits: Float32 = layer @ output + output_bias
        return logits
