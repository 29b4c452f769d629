"""Training, scoring, calibration and attribution of whole lumisections."""

import numpy as np
import pytest

from dqm.core.largest_errors import NAMES, NUMBERS, summaries
from dqm.histograms.certification.attribution import shares, worst_features
from dqm.histograms.certification.model import TOP, CertificationModel, top
from dqm.histograms.certification.train import Good, fit
from streams.records import Conditions

L, N, BINS, CUT = 260, 12, 30, 160


def histograms(rng, lumisections, shift=0.0, rows=slice(0, 0)):
    """Peaks that move together with one hidden number; those in ``rows`` are moved by ``shift`` as well."""
    at = (np.arange(BINS) + 0.5) / BINS
    hidden = np.sin(rng.uniform(0, 6.28, lumisections))[:, None] * np.linspace(-1, 1, N) * 0.03
    hidden[:, rows] += shift
    shape = np.exp(-0.5 * ((at - 0.5 - hidden[..., None]) / 0.12) ** 2) + 0.02
    return rng.poisson(4000 * shape / shape.sum(axis=-1, keepdims=True)).astype(np.float32)


def inputs(counts):
    everything = np.ones(counts.shape[:2], dtype=bool)
    return summaries(counts), counts.sum(axis=-1), np.zeros(len(counts), dtype=np.float32), everything


@pytest.fixture(scope="module", params=["autoencoder", "variational"])
def model(request):
    counts = histograms(np.random.default_rng(0), L)
    conditions = [Conditions(pileup=50.0, recorded_lumi=0.4)] * L
    good = Good(*inputs(counts), np.full(N, BINS), np.arange(L) // 20, conditions)
    return fit(good, CUT, request.param, np.random.default_rng(1))[0]


def certified(model, counts):
    return [model.certified(item, 0.0, 0.4) for item in model.ensemble.largest(*inputs(counts))]


def test_good_lumisections_have_uniform_p_values(model):
    result = np.array([item.p_value for item in certified(model, histograms(np.random.default_rng(2), 200))])
    assert 0.35 < result.mean() < 0.65
    assert (result < 0.1).mean() < 0.25


def test_one_bad_element_condemns_the_lumisection_and_is_named(model):
    counts = histograms(np.random.default_rng(3), 20, shift=0.03, rows=slice(5, 6))
    assert max(item.p_value for item in certified(model, counts)) < 0.02
    for largest in model.ensemble.largest(*inputs(counts)):
        element_shares = shares(largest, N)
        assert element_shares.sum() == pytest.approx(1.0)
        assert np.argmax(element_shares) == 5


def test_features_lead_from_the_lumisection_to_numbers_of_the_element(model):
    counts = histograms(np.random.default_rng(4), 1, shift=0.1, rows=slice(5, 6))
    numbers, _, pileup, _ = inputs(counts)
    largest = model.ensemble.largest(*inputs(counts))[0]
    typical = model.ensemble.scaling.typical(pileup)
    worst = worst_features(largest, 5, numbers[0, 5], typical[0, 5])
    assert worst[0].name in NAMES
    assert worst[0].observed > worst[0].expected
    assert worst[0].error > 10
    assert 0 < sum(item.share for item in worst) <= shares(largest, N)[5] + 1e-9
    assert not worst_features(largest, N - 1, numbers[0, -1], typical[0, -1]) or shares(largest, N)[-1] > 0


def test_the_spread_of_the_ensemble_is_finite_and_small_beside_a_fault(model):
    bad = certified(model, histograms(np.random.default_rng(5), 5, shift=0.1, rows=slice(0, 1)))
    assert all(0 <= item.spread < 0.5 * item.score for item in bad)


def test_scoring_is_pure_and_the_same_in_any_company(model):
    counts = histograms(np.random.default_rng(6), 13)
    before = counts.copy()
    together = model.ensemble.largest(*inputs(counts))
    np.testing.assert_array_equal(counts, before)
    for at in range(13):
        assert model.ensemble.largest(*inputs(counts[at : at + 1]))[0].same(together[at])


def test_elements_that_did_not_come_have_no_part_in_the_score(model):
    numbers, totals, pileup, use = inputs(histograms(np.random.default_rng(7), 3))
    use[:, :4] = False
    numbers[:, :4] = np.nan
    for largest in model.ensemble.largest(numbers, totals, pileup, use):
        assert largest.features[largest.features >= 0].min() >= 4 * NUMBERS
        assert model.certified(largest, 0.0, 0.4).p_value > 0
    nothing = model.ensemble.largest(numbers, totals, pileup, np.zeros_like(use))[0]
    assert model.certified(nothing, 0.0, 0.4) is None


def test_unknown_luminosity_is_judged_at_the_median(model):
    largest = model.ensemble.largest(*inputs(histograms(np.random.default_rng(8), 1)))[0]
    assert model.certified(largest, 0.0, None).p_value == pytest.approx(model.certified(largest, 0.0, 0.4).p_value)


def test_round_trip_is_exact(model, tmp_path):
    np.savez(tmp_path / "one.npz", allow_pickle=False, **model.arrays())
    with np.load(tmp_path / "one.npz", allow_pickle=False) as archive:
        again = CertificationModel.from_arrays({name: archive[name] for name in archive.files})
    counts = histograms(np.random.default_rng(9), 4)
    for item, other in zip(
        model.ensemble.largest(*inputs(counts)), again.ensemble.largest(*inputs(counts)), strict=True
    ):
        assert item.same(other)
        assert model.certified(item, 0.3, 0.2) == again.certified(other, 0.3, 0.2)


@pytest.mark.parametrize(("features", "largest"), [(14, 7), (630, 12), (5110, TOP), (100_000, TOP)])
def test_the_score_is_of_a_hundred_features_where_there_are_thousands(features, largest):
    assert top(features) == largest
