"""The certification autoencoder (A. Pol et al., EPJ Web Conf. 214 (2019) 06008), trained in TensorFlow.

Fully connected, PReLU, mean squared error, Adam with beta1 0.9 and beta2 0.7, early stopping.

A network starts as principal component analysis: the first units of each layer are the leading components, with
PReLU slopes of 1, which is the identity. The other units start with random inputs and without effect. So training
begins at the best linear autoencoder and learns what bends.
"""

from typing import Any

import numpy as np
from scipy.linalg import eigh

from dqm.networks.prelu_autoencoder import INPUT_REACH, PreluAutoencoder
from dqm.networks.training.descent import Schedule, descend, tf
from streams.arrays import Float32

CODE = 16
HIDDEN = 64
_SLOPE = 0.25


def train(
    features: Float32,
    held_out: Float32,
    rng: np.random.Generator,
    schedule: Schedule | None = None,
    code: int | None = None,
) -> PreluAutoencoder:
    """Train on good ``features`` (n, f); ``held_out`` (m, f) of later lumisections say when to stop.

    ``code`` is how many numbers are in the middle, by default those of :func:`variables`.
    """
    weights = variables(clipped(features), rng, code)

    def loss(rows: Any) -> Any:
        return tf.reduce_mean(tf.square(rows - applied(rows, weights)))

    rows = clipped(features), clipped(held_out)
    return network(descend(weights, loss, rows, rng, schedule or Schedule()))


def clipped(features: Float32) -> Float32:
    """What a network is shown of ``features``."""
    shown: Float32 = np.clip(features, -INPUT_REACH, INPUT_REACH)
    return shown


def variables(features: Float32, rng: np.random.Generator, code: int | None = None) -> list[Any]:
    """Kernel, bias and slope of the three inner layers and kernel and bias of the last, for ``features`` (n, f).

    ``code`` numbers are in the middle: by default ``CODE``, and no more than a fourth of the features or rows.
    """
    width = features.shape[1]
    code = max(1, min(CODE, width // 4, len(features) // 4)) if code is None else code
    hidden = max(code, min(HIDDEN, width))
    mean = features.mean(axis=0)
    components = _components(features - mean, code)
    inner = [np.eye(hidden, code, dtype=np.float32), np.eye(code, hidden, dtype=np.float32)]
    first = _random((width, hidden), rng)
    first[:, :code] = components.T
    inner[1][:, code:] = _random((code, hidden - code), rng)
    last = np.zeros((hidden, width), dtype=np.float32)
    last[:code] = components
    slopes = np.full(hidden, _SLOPE, dtype=np.float32)
    slopes[:code] = 1.0
    layers = [(first, slopes), (inner[0], np.ones(code, dtype=np.float32)), (inner[1], slopes)]
    variables = [tf.Variable(value) for kernel, slope in layers for value in (kernel, np.zeros_like(slope), slope)]
    # The mean is taken away where features enter and given back where they leave.
    variables[1][:code].assign(-components @ mean)
    return [*variables, tf.Variable(last), tf.Variable(mean)]


def applied(layer: Any, weights: list[Any]) -> Any:
    """The output for a tensor (rows, f)."""
    for place in range(0, len(weights) - 2, 3):
        layer = prelu(tf.matmul(layer, weights[place]) + weights[place + 1], weights[place + 2])
    return tf.matmul(layer, weights[-2]) + weights[-1]


def prelu(layer: Any, slope: Any) -> Any:
    """X for x > 0, slope * x otherwise."""
    return tf.where(layer > 0, layer, layer * slope)


def network(weights: list[Float32]) -> PreluAutoencoder:
    """The trained network as plain numbers."""
    inner = weights[:-2]
    return PreluAutoencoder((*inner[::3], weights[-2]), (*inner[1::3], weights[-1]), tuple(inner[2::3]))


def _random(shape: tuple[int, int], rng: np.random.Generator) -> Float32:
    """Glorot's uniform distribution."""
    reach = np.sqrt(6.0 / max(sum(shape), 1))
    return rng.uniform(-reach, reach, shape).astype(np.float32)


def _components(features: Float32, count: int) -> Float32:
    """Leading principal directions (count, f) of ``features`` (n, f), whose means are 0."""
    rows, width = features.shape
    # The smaller of the two products of the matrix with itself has the same leading eigenvalues.
    product = features.T @ features if width <= rows else features @ features.T
    _, vectors = eigh(product, subset_by_index=(len(product) - count, len(product) - 1))
    leading = vectors[:, ::-1].T
    if width > rows:
        leading = leading @ features
    lengths = np.maximum(np.linalg.norm(leading, axis=1, keepdims=True), 1e-12)
    components: Float32 = (leading / lengths).astype(np.float32)
    return components
