"""The variational autoencoder of events, run in NumPy.

TensorFlow trains it (:mod:`dqm.networks.training.event_vae`). The decoder says of each feature how likely it is to be
present, and where and how widely its size is spread; an event's score is what it costs to write it down in these
terms: the negative logarithm of the likelihood at the mean of the code (D. Kingma, M. Welling, arXiv:1312.6114). The
divergence of the code is left out, as in the hotline's paper: it is large for whatever is far off and yet ordinary.
Each feature's own part is kept, since it says what is unusual.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from streams.arrays import Float32

INPUT_REACH = 6.0
"""Sizes enter the network within plus and minus this: an outlier must not drive its own reconstruction."""
FARTHEST = 1e15
"""Sizes beyond it cost no more: their square would overflow."""
SLOPE = 0.2
"""Of the units below zero."""
MOST_LOG_SPREAD = 3.0
FREEDOM = 4.0
"""Degrees of freedom of the sizes' t distribution: one far-off size costs a logarithm and does not outvote all else."""
BLOCK = 16_384
"""Events that are scored at once, so that memory stays small whatever the lumisection brings."""


@dataclass(frozen=True, slots=True, eq=False)
class EventVae:
    """``layers``: kernel (in, out) and bias (out,) of two encoding and three decoding steps; ``floor`` (f,) as scaled.

    Raises ValueError if they do not fit onto one another.
    """

    layers: tuple[Float32, ...]
    floor: Float32

    def __post_init__(self) -> None:
        """Refuse what is no such network."""
        kernels, biases = self.layers[::2], self.layers[1::2]
        f = len(self.floor)
        if len(self.layers) != 10 or any(
            kernel.ndim != 2 or bias.shape != kernel.shape[1:] for kernel, bias in zip(kernels, biases, strict=True)
        ):
            raise ValueError(f"these are not the layers of an event network: {[layer.shape for layer in self.layers]}")
        widths = [(a.shape[1], b.shape[0]) for a, b in pairwise(kernels)]
        code = kernels[2].shape[0]
        widths[1] = widths[1][0], 2 * code
        if any(a != b for a, b in widths) or kernels[0].shape[0] != 2 * f or kernels[4].shape[1] != 3 * f:
            raise ValueError(f"these layers do not fit: {[layer.shape for layer in self.layers]}")

    def costs(self, shown: Float32) -> Float32:
        """Of events ``shown`` (n, 2f) as scaled: what each feature costs, in nats; (n, f)."""
        return np.concatenate(
            [self._costs(shown[start : start + BLOCK]) for start in range(0, max(len(shown), 1), BLOCK)]
        )

    def _costs(self, shown: Float32) -> Float32:
        f = len(self.floor)
        k1, b1, k2, b2, k3, b3, k4, b4, k5, b5 = self.layers
        code: Float32 = _leaky(np.clip(shown, -INPUT_REACH, INPUT_REACH) @ k1 + b1) @ k2 + b2
        mean = code[:, : code.shape[1] // 2]
        out = _leaky(_leaky(mean @ k3 + b3) @ k4 + b4) @ k5 + b5
        sizes, present = shown[:, :f], shown[:, f:]
        log_spread = np.clip(out[:, f : 2 * f], np.log(self.floor), MOST_LOG_SPREAD)
        pull = (np.clip(sizes, -FARTHEST, FARTHEST) - out[:, :f]) * np.exp(-log_spread)
        tail = 0.5 * (FREEDOM + 1.0) * np.log1p(pull**2 / FREEDOM)
        chance = out[:, 2 * f :]
        # Of a coin with log-odds ``chance``: log(1 + e^c) - present * c, written so that it cannot overflow.
        coin = np.maximum(chance, 0.0) - present * chance + np.log1p(np.exp(-np.abs(chance)))
        costs: Float32 = present * (tail + log_spread) + coin
        return costs

    def arrays(self) -> dict[str, Float32]:
        """The numbers by name, to be saved."""
        return {f"layer{place}": layer for place, layer in enumerate(self.layers)} | {"floor": self.floor}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Float32]) -> "EventVae":
        """Inverse of :meth:`arrays`; raises KeyError or ValueError."""
        return cls(tuple(arrays[f"layer{place}"] for place in range(10)), arrays["floor"])


def initial(f: int, hidden: int, code: int, rng: np.random.Generator) -> Sequence[Float32]:
    """Glorot's uniform kernels and zero biases of a network for ``f`` features."""
    weights: list[Float32] = []
    for a, b in ((2 * f, hidden), (hidden, 2 * code), (code, hidden), (hidden, hidden), (hidden, 3 * f)):
        reach = np.sqrt(6.0 / (a + b))
        weights += [rng.uniform(-reach, reach, (a, b)).astype(np.float32), np.zeros(b, dtype=np.float32)]
    return weights


def _leaky(layer: Float32) -> Float32:
    bent: Float32 = np.maximum(layer, SLOPE * layer)
    return bent
