"""The autoencoder that runs in NumPy."""

from itertools import pairwise

import numpy as np
import pytest

from dqm.networks.prelu_autoencoder import BLOCK, INPUT_REACH, PreluAutoencoder


def network(rng, widths=(30, 12, 4, 12, 30)):
    pairs = list(pairwise(widths))
    return PreluAutoencoder(
        tuple(rng.normal(size=pair).astype(np.float32) for pair in pairs),
        tuple(rng.normal(size=out).astype(np.float32) for _, out in pairs),
        tuple(rng.uniform(0, 1, out).astype(np.float32) for _, out in pairs[:-1]),
    )


def test_it_is_the_formula():
    rng = np.random.default_rng(0)
    item = network(rng)
    features = rng.normal(size=(5, 30)).astype(np.float32)
    layer = features.astype(np.float64)
    for kernel, bias, slope in zip(item.kernels, item.biases, [*item.slopes, np.ones(30)], strict=True):
        layer = layer @ kernel + bias
        layer = np.maximum(layer, 0) + slope * np.minimum(layer, 0)
    np.testing.assert_allclose(item.reconstructed(features), layer, rtol=1e-3, atol=1e-3)


def test_a_row_has_the_same_bytes_in_any_company_and_place():
    rng = np.random.default_rng(1)
    item = network(rng, (700, 64, 16, 64, 700))
    features = rng.normal(size=(3 * BLOCK + 5, 700)).astype(np.float32)
    together = item.reconstructed(features)
    for at in range(len(features)):
        assert item.reconstructed(features[at : at + 1]).tobytes() == together[at : at + 1].tobytes()
    assert item.reconstructed(features[::-1])[::-1].tobytes() == together.tobytes()


def test_a_fault_does_not_drive_its_own_reconstruction():
    item = network(np.random.default_rng(2))
    far = np.full((1, 30), 1e4, dtype=np.float32)
    near = np.full((1, 30), INPUT_REACH, dtype=np.float32)
    assert item.reconstructed(far).tobytes() == item.reconstructed(near).tobytes()
    assert far[0, 0] == 1e4


def test_round_trip_is_exact():
    rng = np.random.default_rng(3)
    item = network(rng)
    features = rng.normal(size=(4, 30)).astype(np.float32)
    again = PreluAutoencoder.from_arrays(item.arrays())
    assert again.reconstructed(features).tobytes() == item.reconstructed(features).tobytes()


@pytest.mark.parametrize("widths", [(30, 4, 29), (30, 4)])
def test_what_is_no_autoencoder_is_refused(widths):
    with pytest.raises(ValueError, match="not the layers of an autoencoder"):
        network(np.random.default_rng(4), widths)


def test_layers_that_do_not_fit_are_refused():
    item = network(np.random.default_rng(5))
    with pytest.raises(ValueError, match="not the layers"):
        PreluAutoencoder(item.kernels[:1] + item.kernels[2:], item.biases[:1] + item.biases[2:], item.slopes[1:])
