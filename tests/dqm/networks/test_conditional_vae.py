from dataclasses import replace

import numpy as np
import pytest

from dqm.networks.conditional_vae import ConditionalVae
from dqm.networks.training.conditional_vae import PUBLISHED, Size, train
from dqm.networks.training.descent import tf

P, C, L = 12, 3, 800


@pytest.fixture(scope="module")
def rows():
    """Paths that follow the condition in proportion, with a little noise."""
    rng = np.random.default_rng(1)
    condition = rng.standard_normal((L, C)).astype(np.float32)
    paths = condition[:, np.arange(P) % C] + 0.3 * rng.standard_normal((L, P))
    return paths.astype(np.float32), condition


@pytest.fixture(scope="module", params=[True, False])
def network(request, rows):
    learned, validation = tuple(row[:600] for row in rows), tuple(row[600:] for row in rows)
    size = Size((10, 10), 4, request.param)
    return train(learned, validation, np.random.default_rng(2), size, replace(PUBLISHED, epochs=40, patience=5))


def test_it_expects_what_the_condition_says(network, rows):
    paths, condition = rows
    residuals = paths[600:] - network.predicted(condition[600:])
    assert residuals.var() < 0.3 * paths[600:].var()


def test_numbers_are_those_of_keras_layers(network, rows):
    paths, condition = (row[:5] for row in rows)

    def forward(layers, shown):
        for kernel, bias in layers[:-1]:
            shown = tf.keras.activations.elu(shown @ kernel + bias)
        return (shown @ layers[-1][0] + layers[-1][1]).numpy()

    code = forward(network.encoder, tf.constant(np.concatenate([paths, condition], axis=1)))
    assert network.encoded(paths, condition)[0] == pytest.approx(code[:, :4], rel=1e-4, abs=1e-5)
    reconstructed = forward(network.decoder, tf.constant(np.concatenate([code[:, :4], condition], axis=1)))
    expected = reconstructed[:, :P] + condition @ network.direct
    assert network.decoded(code[:, :4], condition)[0] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_the_divergence_is_never_negative_and_a_moved_path_scores_above_good_ones(network, rows):
    paths, condition = rows
    assert (network.divergence(paths, condition) >= 0).all()
    moved = paths.copy()
    moved[:, 4] = 5.0
    assert np.median(network.largest(moved, condition)) > np.quantile(network.largest(paths, condition), 0.95)


def test_without_a_condition_it_is_a_plain_autoencoder(rows):
    paths, condition = rows
    learned, validation = (paths[:600], condition[:600, :0]), (paths[600:], condition[600:, :0])
    plain = train(learned, validation, np.random.default_rng(2), Size(), replace(PUBLISHED, epochs=3))
    assert plain.direct.shape == (0, P)
    assert plain.largest(paths[:4], condition[:4, :0]).shape == (4,)


def test_arrays_come_back(network, rows):
    again = ConditionalVae.from_arrays(network.arrays())
    np.testing.assert_array_equal(again.predicted(rows[1]), network.predicted(rows[1]))


def test_layers_that_do_not_fit_are_refused(network):
    with pytest.raises(ValueError, match="not the layers"):
        replace(network, direct=network.direct[:, 1:])
