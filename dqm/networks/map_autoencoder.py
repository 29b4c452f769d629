"""A convolutional autoencoder of maps, run in NumPy; :mod:`dqm.networks.training.map_autoencoder` trains it.

Two convolutions of stride 2 to two channels and two transposed ones back, ELU in between: of what good maps do
together it passes on what is smooth. It does not depend on the size of the maps. Edges are padded with zeros as
TensorFlow's ``SAME`` does it: one row before and after for an odd number of rows, one row after for an even number.
"""

from dataclasses import dataclass

import numpy as np

from dqm.networks.feedforward import elu
from streams.arrays import Float32

SIDE = 3
STRIDE = 2
SHAPES = ((3, 3, 1, 8), (8,), (3, 3, 8, 2), (2,), (3, 3, 8, 2), (8,), (3, 3, 1, 8), (1,))
"""Kernels and biases: two convolutions (rows, columns, in, out), two transposed (rows, columns, out, in)."""


@dataclass(frozen=True, slots=True, eq=False)
class MapAutoencoder:
    """A trained network with ``weights`` of :data:`SHAPES`; raises ValueError if they have others."""

    weights: tuple[Float32, ...]

    def __post_init__(self) -> None:
        """Refuse what is no such network."""
        sizes = tuple(weight.shape for weight in self.weights)
        if sizes != SHAPES:
            raise ValueError(f"these are not the weights of an autoencoder of maps: {sizes}")

    def reconstructed(self, maps: Float32) -> Float32:
        """What the network makes of ``maps`` (n, rows, columns)."""
        first, first_bias, second, second_bias, third, third_bias, fourth, fourth_bias = self.weights
        image = maps[..., None]
        half = elu(_convolved(image, first) + first_bias)
        code = elu(_convolved(half, second) + second_bias)
        wide = elu(_transposed(code, third, half.shape[1:3]) + third_bias)
        result: Float32 = (_transposed(wide, fourth, image.shape[1:3]) + fourth_bias)[..., 0]
        return result


def _before(cells: int) -> int:
    """Rows of zeros before the first of ``cells``; there is always one after the last."""
    return cells % STRIDE


def _convolved(image: Float32, kernel: Float32) -> Float32:
    """Convolution of stride 2 of ``image`` (n, rows, columns, in)."""
    rows, columns = image.shape[1:3]
    padded = np.pad(image, ((0, 0), (_before(rows), 1), (_before(columns), 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(1, 2))[:, ::STRIDE, ::STRIDE]
    n, high, wide, channels = windows.shape[:4]
    # A product for each map: its last digits do not depend on how many others there are.
    flat = windows.reshape(n, high * wide, channels * SIDE * SIDE)
    product: Float32 = flat @ kernel.transpose(2, 0, 1, 3).reshape(channels * SIDE * SIDE, -1)
    return product.reshape(n, high, wide, -1)


def _transposed(image: Float32, kernel: Float32, shape: tuple[int, ...]) -> Float32:
    """Transposed convolution of stride 2 to the ``shape`` (rows, columns): the way back of :func:`_convolved`."""
    n, high, wide = image.shape[:3]
    spread = np.zeros((n, STRIDE * (high - 1) + SIDE, STRIDE * (wide - 1) + SIDE, kernel.shape[2]), dtype=np.float32)
    for row in range(SIDE):
        for column in range(SIDE):
            part = image @ kernel[row, column].T
            spread[:, row : row + STRIDE * high : STRIDE, column : column + STRIDE * wide : STRIDE] += part
    top, left = _before(shape[0]), _before(shape[1])
    return spread[:, top : top + shape[0], left : left + shape[1]]
