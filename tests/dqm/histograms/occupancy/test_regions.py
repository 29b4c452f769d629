"""Faults put into good maps, and the network that is kept only where it helps to find them."""

import numpy as np
import pytest

from dqm.histograms.features import features
from dqm.histograms.occupancy.injected_faults import MAP_SIDES, inject_map_faults
from dqm.histograms.references import frozen
from dqm.histograms.scorers.base import TrainingData
from dqm.histograms.scorers.occupancy_map import NETWORK_MAPS, OccupancyMapScorer
from dqm.statistics.classification import auc

SHAPE = (20, 24)


def training_data(maps, seed=1):
    """Good maps (L, cells) of one ME, to learn from."""
    counts, use = maps.astype(np.float32)[:, None], np.ones((len(maps), 1), dtype=bool)
    pileup = np.zeros(len(maps), dtype=np.float32)
    reference = frozen.fit(counts, pileup, use, np.arange(len(counts)))
    return TrainingData(features(counts, pileup, reference), use, reference, seed, SHAPE)


def waves(rng, count, amplitude):
    """Maps of about 100 hits a cell that move in many smooth ways."""
    x, y = np.meshgrid(np.linspace(0, 2 * np.pi, SHAPE[1]), np.linspace(0, 2 * np.pi, SHAPE[0]))
    shapes = np.array([np.cos(a * x + b * y) for a in range(3) for b in range(3) if a + b])
    moved = np.einsum("lk,kxy->lxy", rng.normal(size=(count, len(shapes))) * amplitude, shapes)
    return rng.poisson(100 * np.exp(moved)).reshape(count, -1)


def test_one_square_region_of_each_map_is_spoilt():
    rng = np.random.default_rng(0)
    maps = rng.poisson(50, (200, *SHAPE)).astype(np.float32)
    original = maps.copy()
    broken = inject_map_faults(maps, rng)
    np.testing.assert_array_equal(maps, original)
    sizes, lost = [], []
    for item, before in zip(broken, maps, strict=True):
        changed = np.argwhere(item != before)
        sizes.append(np.ptp(changed, axis=0).max() + 1)
        lost.append((item - before).sum())
    assert max(sizes) <= MAP_SIDES[1]
    assert 0.35 < np.mean(np.array(lost) < 0) < 0.65
    assert (broken >= 0).all()


@pytest.mark.parametrize("level", [0, 1])
def test_maps_with_next_to_nothing_are_spoilt_as_far_as_possible(level):
    maps = np.full((40, 3, 4), level, dtype=np.float32)
    broken = inject_map_faults(maps, np.random.default_rng(1))
    assert (broken >= 0).all()
    assert np.isfinite(broken).all()


def test_a_network_is_kept_where_good_maps_move_together_and_only_there():
    rng = np.random.default_rng(2)
    assert OccupancyMapScorer.fit(training_data(waves(rng, 320, 0.0))).model is None
    assert OccupancyMapScorer.fit(training_data(waves(rng, 320, 0.12))).model is not None
    assert OccupancyMapScorer.fit(training_data(waves(rng, NETWORK_MAPS - 1, 0.12))).model is None


def test_cells_and_regions_are_found_by_one_score():
    rng = np.random.default_rng(3)
    training = training_data(rng.poisson(100, (200, 480)))
    scorer = OccupancyMapScorer.fit(training)
    maps = rng.poisson(100, (400, *SHAPE)).astype(np.float32)
    bad = np.arange(400) % 2 == 1
    for side, lost in ((1, 0.5), (3, 0.2)):
        broken = maps.copy()
        broken[bad, 4 : 4 + side, 7 : 7 + side] *= 1 - lost
        block = features(broken.reshape(400, 1, -1), np.zeros(400, dtype=np.float32), training.reference)
        alone, together = scorer.largest(block)
        result, *single = (auc(item[:, 0], bad) for item in (scorer.score(block), alone, together))
        assert result > 0.85
        assert result > max(single) - 0.08
        assert result > min(single) + 0.1


def test_the_scale_makes_cells_and_regions_of_good_maps_alike():
    training = training_data(np.random.default_rng(4).poisson(100, (200, 480)))
    scorer = OccupancyMapScorer.fit(training)
    alone, together = (item.astype(float) for item in scorer.largest(training.block))
    same = scorer.factor * together**scorer.power
    assert np.median(same) == pytest.approx(np.median(alone), rel=0.02)
    empty = training_data(np.zeros((100, 480)))
    assert np.isfinite(OccupancyMapScorer.fit(empty).score(empty.block)).all()
