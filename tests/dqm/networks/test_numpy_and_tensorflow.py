"""What judges evaluates in NumPy what TensorFlow trained: both give the same numbers."""

import subprocess
import sys

import numpy as np
import pytest

from dqm.networks.map_autoencoder import SHAPES, MapAutoencoder
from dqm.networks.pull_autoencoder import PullAutoencoder
from dqm.networks.strip_cnn import FILTERS, HIDDEN, POOL, WIDTH, StripCnn
from dqm.networks.training import map_autoencoder, pull_autoencoder, strip_cnn
from dqm.networks.training.descent import tf


def random(rng, *shapes):
    return tuple(rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes)


@pytest.mark.parametrize("rows", [1, 7, 300])
def test_pulls(rows):
    rng = np.random.default_rng(1)
    weights = random(rng, (40, 12), (12,), (12, 3), (3,), (3, 12), (12,), (12, 40), (40,))
    pulls = rng.normal(0, 2, (rows, 40)).astype(np.float32)
    of_tensorflow = pull_autoencoder._network(tf.constant(np.clip(pulls, -6, 6)), list(weights)).numpy()
    np.testing.assert_allclose(PullAutoencoder(weights).reconstructed(pulls), of_tensorflow, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(12, 16), (9, 7), (36, 31), (3, 4), (1, 5)])
def test_maps_of_even_and_odd_sides(shape):
    rng = np.random.default_rng(2)
    weights, maps = random(rng, *SHAPES), rng.normal(0, 2, (5, *shape)).astype(np.float32)
    of_tensorflow = map_autoencoder._network(tf.constant(maps), list(weights)).numpy()
    np.testing.assert_allclose(MapAutoencoder(weights).reconstructed(maps), of_tensorflow, rtol=1e-4, atol=1e-4)


def test_strips():
    rng = np.random.default_rng(3)
    places = 4 * POOL
    shapes = ((WIDTH, 1, FILTERS), (FILTERS,), (places // POOL * FILTERS, HIDDEN), (HIDDEN,), (HIDDEN, 2), (2,))
    weights, strips = random(rng, *shapes), rng.normal(0, 2, (9, places + WIDTH - 1)).astype(np.float32)
    of_tensorflow = strip_cnn._logits(tf.constant(strips), list(weights)).numpy()
    np.testing.assert_allclose(StripCnn(weights).logits(strips), of_tensorflow, rtol=1e-4, atol=1e-4)


def test_judging_imports_no_tensorflow():
    """The daemon, its scorers and its bundles."""
    modules = "opint.daemon.run, opint.histograms.handler, opint.triggers.handler, opint.hotline.handler"
    modules += ", dqm.histograms.bundle, dqm.histograms.pipeline, dqm.histograms.scorers"
    code = f"import sys, {modules}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
