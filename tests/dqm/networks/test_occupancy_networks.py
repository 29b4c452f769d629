"""The networks of occupancies learn what they are meant to learn, from numbers and to numbers."""

import numpy as np
import pytest

from dqm.histograms.occupancy.injected_faults import inject_strip_faults
from dqm.histograms.occupancy.shapes import prepared
from dqm.networks.map_autoencoder import SHAPES, MapAutoencoder
from dqm.networks.strip_cnn import StripCnn
from dqm.networks.training.map_autoencoder import train as train_maps
from dqm.networks.training.strip_cnn import LabelledStrips
from dqm.networks.training.strip_cnn import train as train_strips
from dqm.statistics.classification import auc


def labelled(rng, count=300):
    good = rng.poisson(100, (count, 60)).astype(np.float32)
    bad, _ = inject_strip_faults(good, rng)
    return LabelledStrips(prepared(np.concatenate([good, bad])), np.repeat([False, True], count))


@pytest.fixture(scope="module")
def local():
    rng = np.random.default_rng(0)
    return train_strips(labelled(rng), labelled(rng, 100), seed=1)


def test_it_tells_spoilt_strips_from_good_ones(local):
    test = labelled(np.random.default_rng(9), 400)
    surprise = local.surprise(test.strips)
    assert surprise.dtype == np.float32
    assert (surprise >= 0).all()
    assert auc(surprise, test.bad) > 0.97


def test_without_bad_strips_nothing_can_be_told():
    """Strips so empty that no fault would be seen are no reason for training to fail."""
    good = LabelledStrips(prepared(np.ones((40, 50), dtype=np.float32)), np.zeros(40, dtype=bool))
    surprise = train_strips(good, good, seed=1).surprise(good.strips)
    assert np.isfinite(surprise).all()
    assert surprise.max() < 0.1


def test_weights_that_do_not_fit_are_refused(local):
    with pytest.raises(ValueError, match="not the weights"):
        StripCnn(local.weights[:-1])
    with pytest.raises(ValueError, match="not the weights"):
        StripCnn((np.zeros((5, 1, 10), dtype=np.float32), *local.weights[1:]))
    with pytest.raises(ValueError, match="not the weights"):
        MapAutoencoder(tuple(np.zeros(2, dtype=np.float32) for _ in SHAPES))


def test_training_again_gives_the_same_network(local):
    rng = np.random.default_rng(0)
    again = train_strips(labelled(rng), labelled(rng, 100), seed=1)
    for weight, other in zip(local.weights, again.weights, strict=True):
        np.testing.assert_array_equal(weight, other)


@pytest.mark.parametrize("shape", [(12, 16), (9, 7)])
def test_maps_are_reconstructed_as_far_as_they_move_together(shape):
    """A common wave is learned; what one cell does alone is not."""
    rng = np.random.default_rng(3)
    wave = np.add.outer(np.sin(np.linspace(0, 3, shape[0])), np.cos(np.linspace(0, 3, shape[1])))
    maps = (rng.normal(size=(1500, 1, 1)) * 3 * wave + rng.normal(size=(1500, *shape))).astype(np.float32)
    network = train_maps(maps[:1200], seed=2)
    residuals = maps[1200:] - network.reconstructed(maps[1200:])
    assert residuals.shape == (300, *shape)
    assert residuals.var() < 0.5 * maps[1200:].var()
    spike = np.zeros((1, *shape), dtype=np.float32)
    spike[0, 4, 4] = 6.0
    assert (spike - network.reconstructed(spike))[0, 4, 4] > 4.0
