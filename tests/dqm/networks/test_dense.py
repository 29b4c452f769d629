"""Where the networks of certification start."""

import numpy as np
import pytest

from dqm.networks.training import prelu_autoencoder, variational_autoencoder
from dqm.networks.training.descent import Schedule

CODE = 3


@pytest.mark.parametrize("kind", [prelu_autoencoder, variational_autoencoder])
def test_they_start_as_principal_components_about_the_mean(kind):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, CODE)) @ rng.normal(size=(CODE, 12)) * 0.5 + 0.1 * rng.normal(size=(300, 12))
    rows = (rows + rng.normal(size=12)).astype(np.float32)
    start = kind.train(rows, rows[:50], np.random.default_rng(1), Schedule(epochs=0), CODE)
    mean = rows.mean(axis=0)
    _, _, directions = np.linalg.svd(rows - mean, full_matrices=False)
    expected = mean + (rows - mean) @ directions[:CODE].T @ directions[:CODE]
    np.testing.assert_allclose(start.reconstructed(rows), expected, atol=1e-3)
