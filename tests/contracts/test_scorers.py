"""Every scorer of the registry keeps the contract of dqm/histograms/scorers/base.py."""

import numpy as np
import pytest

from dqm.histograms.features import LARGEST, features
from dqm.histograms.references import frozen
from dqm.histograms.scorers import REGISTRY
from dqm.histograms.scorers.base import ShapeMismatchError, TrainingData

L, N, BINS = 60, 3, 20
SHAPE = (4, 5)
"""Scorers of rows of channels take the cells one after the other."""


@pytest.fixture(scope="module")
def training_data():
    rng = np.random.default_rng(0)
    shape = rng.gamma(5.0, size=(N, BINS))
    drift = 1 + 0.1 * np.sin(np.arange(L) / 5.0)[:, None, None] * rng.normal(size=(N, BINS))
    counts = rng.poisson(2000 * drift * shape / shape.sum(axis=1, keepdims=True)).astype(np.float32)
    pileup = rng.uniform(-1, 1, L).astype(np.float32)
    use = np.ones((L, N), dtype=bool)
    reference = frozen.fit(counts, pileup, use, np.arange(len(counts)))
    return TrainingData(features(counts, pileup, reference), use, reference, seed=1, shape=SHAPE)


@pytest.fixture(scope="module", params=sorted(REGISTRY))
def scorer(request, training_data):
    return REGISTRY[request.param].fit(training_data)


@pytest.fixture
def fresh(training_data):
    """Features of counts, at a pileup of nought."""

    def make(counts):
        counts = np.asarray(counts, dtype=np.float32)
        return features(counts, np.zeros(len(counts), dtype=np.float32), training_data.reference)

    return make


def good(training, seed, count=8):
    rng = np.random.default_rng(seed)
    return rng.poisson(2000 * training.reference.share, size=(count, N, BINS))


def test_names_are_those_of_the_registry(scorer):
    assert REGISTRY[scorer.name] is type(scorer)
    assert scorer.version >= 1


def test_scoring_is_pure(scorer, training_data, fresh):
    block = fresh(good(training_data, 1))
    before = [np.copy(getattr(block, name)) for name in ("counts", "pulls", "precision", "totals")]
    first, second = scorer.score(block), scorer.score(block)
    assert first.tobytes() == second.tobytes()
    assert first.dtype == np.float32
    assert first.shape == (8, N)
    for name, copy in zip(("counts", "pulls", "precision", "totals"), before, strict=True):
        np.testing.assert_array_equal(getattr(block, name), copy)


def test_scores_share_no_memory(scorer, training_data, fresh):
    block = fresh(good(training_data, 1))
    first = scorer.score(block)
    original = first.copy()
    scorer.score(fresh(good(training_data, 2)))
    np.testing.assert_array_equal(first, original)
    assert not any(np.shares_memory(first, item) for item in (block.counts, block.pulls, block.precision, block.totals))


def test_scores_do_not_depend_on_company_or_order(scorer, training_data, fresh):
    counts = good(training_data, 3, count=9)
    together = scorer.score(fresh(counts))
    np.testing.assert_allclose(scorer.score(fresh(counts[::-1])), together[::-1], rtol=1e-5)
    for at in range(len(counts)):
        np.testing.assert_allclose(scorer.score(fresh(counts[at : at + 1])), together[at : at + 1], rtol=1e-5)


@pytest.mark.parametrize("level", [0.0, 1e-3, 1.0, 1e6, float(LARGEST), 3e38])
def test_scores_are_finite(scorer, fresh, level):
    one_bin = np.zeros((1, N, BINS))
    one_bin[..., 3] = level
    assert np.isfinite(scorer.score(fresh(np.full((1, N, BINS), level)))).all()
    assert np.isfinite(scorer.score(fresh(one_bin))).all()


def test_round_trip_is_exact(scorer, training_data, fresh, tmp_path):
    np.savez(tmp_path / "scorer.npz", allow_pickle=False, **scorer.arrays())
    with np.load(tmp_path / "scorer.npz", allow_pickle=False) as archive:
        again = type(scorer).from_arrays({name: archive[name] for name in archive.files})
    block = fresh(good(training_data, 4))
    assert again.score(block).tobytes() == scorer.score(block).tobytes()


def test_another_shape_is_refused_by_name(scorer, training_data):
    other = features(
        np.ones((2, N, 5), dtype=np.float32),
        np.zeros(2, dtype=np.float32),
        frozen.fit(
            np.ones((40, N, 5), dtype=np.float32),
            np.zeros(40, dtype=np.float32),
            np.ones((40, N), dtype=bool),
            np.arange(40),
        ),
    )
    with pytest.raises(ShapeMismatchError, match=rf"{scorer.name}.*{BINS} bins.*of 5"):
        scorer.score(other)


def test_a_gross_fault_scores_above_all_good_ones(scorer, training_data, fresh):
    """Half of the bins dead: every method must see that."""
    counts = good(training_data, 5, count=20)
    dead = counts.copy()
    dead[..., : BINS // 2] = 0
    assert scorer.score(fresh(dead)).min() > scorer.score(fresh(counts)).max()
