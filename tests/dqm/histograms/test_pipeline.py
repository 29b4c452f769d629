"""Batches in, scores out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.quality import Quality, Reason
from dqm.histograms.pipeline import Pipeline
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, MonitoringElement

FIELDS = ("present", "p_values", "scores", "digests", "reasons")


@pytest.fixture(scope="module")
def pipeline(toy_bundle):
    pipeline = Pipeline(toy_bundle, DqmSettings(), AlertSettings())
    pipeline.warm_up()
    return pipeline


def select(batch, names):
    """The part of a batch that holds the named MEs."""
    rows = [batch.catalogue.index[name] for name in names]
    catalogue = Catalogue.of([batch.catalogue.elements[row] for row in rows])
    counts = tuple(
        np.array([batch.histogram(name) for name in catalogue.names[block.start : block.stop]])
        for block in catalogue.blocks
    )
    order = [batch.catalogue.index[name] for name in catalogue.names]
    return replace(batch, catalogue=catalogue, counts=counts, flow=batch.flow[order], entries=batch.entries[order])


def same(first, second):
    for field in FIELDS:
        assert getattr(first.scores, field).tobytes() == getattr(second.scores, field).tobytes(), field
    assert first.scores.evidence == second.scores.evidence


def test_the_same_batches_give_the_same_bytes(pipeline, toy):
    batches = [toy.batch(ls, run=1001) for ls in range(1, 6)]
    for item, other in zip(pipeline.score(batches), pipeline.score(batches), strict=True):
        same(item, other)


def test_grouping_and_order_change_nothing(pipeline, toy):
    """Scores may differ in the last bits of float32, decisions may not."""
    batches = [toy.batch(ls, run=1001) for ls in range(1, 60)]
    together = pipeline.score(batches)
    apart = [pipeline.score([batch])[0] for batch in batches]
    backwards = pipeline.score(batches[::-1])[::-1]
    for item, *regrouped in zip(together, apart, backwards, strict=True):
        for other in regrouped:
            assert item.key == other.key
            np.testing.assert_allclose(item.scores.scores, other.scores.scores, rtol=1e-4)
            np.testing.assert_array_equal(item.scores.digests, other.scores.digests)
            np.testing.assert_array_equal(item.scores.reasons, other.scores.reasons)
            assert item.scores.evidence.keys() == other.scores.evidence.keys()


def test_a_part_is_scored_as_the_whole(pipeline, toy):
    batch = toy.batch(7, run=1001)
    whole = pipeline.score([batch])[0].scores
    names = batch.catalogue.names[1:9:2]
    part = pipeline.score([select(batch, names)])[0].scores
    rows = [whole.catalogue.index[name] for name in names]
    assert part.catalogue is whole.catalogue
    assert np.flatnonzero(part.present).tolist() == sorted(rows)
    np.testing.assert_allclose(part.scores[:, rows], whole.scores[:, rows], rtol=1e-4)
    np.testing.assert_array_equal(part.digests[rows], whole.digests[rows])
    assert np.isnan(part.p_values[~part.present]).all()


def test_both_types_of_counts_are_scored_alike(pipeline, toy):
    floats, whole = pipeline.score([toy.batch(8), toy.batch(8, dtype=np.int64)])
    same(floats, whole)


def test_p_values_of_later_good_lumisections_are_uniform(pipeline, toy):
    """Over 150 lumisections that neither training nor calibration saw; one ME each, to be independent."""
    scored = pipeline.score([toy.batch(ls, run=1001) for ls in range(1, 151)])
    p = np.array([item.scores.p_values for item in scored])
    picked = p[np.arange(len(p)), np.arange(len(p)) % p.shape[1]]
    assert kstest(picked, "uniform").pvalue > 1e-3
    for level, most in ((0.1, 0.13), (0.01, 0.02), (0.001, 0.004)):
        assert (p <= level).mean() < most


def dead(share):
    def edit(_catalogue, means):
        block = means[0]
        block[0, : int(share * block.shape[1])] *= 0.01

    return edit


def shifted(_catalogue, means):
    means[0][0] = np.roll(means[0][0], 2)


def hot(_catalogue, means):
    means[0][0, 3] *= 2.5


@pytest.mark.parametrize("edit", [dead(0.15), shifted, hot])
def test_faults_have_small_p_values_and_evidence(pipeline, toy, edit):
    scored = pipeline.score([toy.batch(ls, run=1001, edit=edit) for ls in range(1, 11)])
    assert max(item.scores.p_values[0] for item in scored) < 1e-4
    name = toy.catalogue.names[0]
    for item_value in scored:
        evidence = item_value.scores.evidence[name]
        assert evidence.p_value == pytest.approx(float(item_value.scores.p_values[0]))
        assert set(evidence.scores) == {"pull", "chi2", "kolmogorov", "autoencoder"}
        assert len(evidence.counts) == len(evidence.reference) == len(evidence.pulls) == toy.catalogue.blocks[0].bins
        healthy = [at for at, pull in enumerate(evidence.pulls) if abs(pull) < 3]
        counts, reference = (sum(bins[at] for at in healthy) for bins in (evidence.counts, evidence.reference))
        assert reference == pytest.approx(counts, rel=0.08)
        assert max(map(abs, evidence.pulls)) > 4
        assert evidence.sentence
        assert evidence.model_version == item_value.model_version


def test_a_hot_bin_is_compared_with_the_same_expectation_everywhere(pipeline, toy):
    def very_hot(_catalogue, means):
        means[0][0, 3] *= 40

    healthy = pipeline.score([toy.batch(1, run=1001)])[0]
    evidence = pipeline.score([toy.batch(1, run=1001, edit=very_hot)])[0].scores.evidence[toy.catalogue.names[0]]

    expected = evidence.reference[3]
    assert expected == pytest.approx(toy.means(0, 48, 0)[0, 3], rel=0.25)
    assert evidence.worst_bins[0].expected == expected
    assert f"{expected:,.0f} ± {np.sqrt(expected):,.0f} expected" in evidence.sentence
    other_pulls = [pull for at, pull in enumerate(evidence.pulls) if at != 3]
    assert max(map(abs, other_pulls)) < 5
    assert healthy.scores.present.all()


def test_whatever_becomes_a_warning_has_evidence(toy_bundle, toy):
    pipeline = Pipeline(toy_bundle, DqmSettings(false_discovery_rate=0.5), AlertSettings())
    scored = pipeline.score([toy.batch(ls, run=1001) for ls in range(1, 100)])
    closed = [pipeline.close(merge(None, item, 0.0).state, {}, 1.0, "complete") for item in scored]
    warned = [
        (state.parts["Muon"].evidence, name)
        for state in closed
        for name, quality in zip(toy.catalogue.names, state.verdicts["Muon"].qualities.tolist(), strict=True)
        if quality == Quality.WARNING
    ]

    assert len(warned) > 20
    assert all(evidence[name].counts for evidence, name in warned)


def test_evidence_is_limited(toy_bundle, toy):
    few = Pipeline(toy_bundle, DqmSettings(evidence_per_lumisection=3), AlertSettings())

    def all_dead(_catalogue, means):
        for block in means:
            block[:, :5] = 0

    evidence = few.score([toy.batch(1, run=1001, edit=all_dead)])[0].scores.evidence
    assert len(evidence) == 3


def test_few_entries_are_not_judged(pipeline, toy):
    scored = pipeline.score([toy.batch(3, run=1001, edit=scale_all(0.005))])[0].scores
    assert not np.isin(scored.reasons, (Reason.CONSISTENT, Reason.SUSPECT)).any()
    assert np.isnan(scored.p_values).all()


def scale_all(factor):
    def edit(_catalogue, means):
        for place, block in enumerate(means):
            means[place] = factor * block

    return edit


def test_far_too_many_entries_are_an_alarm_where_the_conditions_are_known(pipeline, toy):
    def flood(_catalogue, means):
        means[1][2] *= 20

    row = toy.catalogue.blocks[1].start + 2
    batch = toy.batch(3, run=1001, edit=flood)
    flooded, unknown = pipeline.score([batch, replace(batch, conditions=Conditions())])
    assert flooded.scores.reasons[row] == Reason.OVERFULL
    report = flooded.scores.evidence[toy.catalogue.names[row]]
    assert report.kind == "high-statistics"
    assert "times as many" in report.sentence
    assert (np.delete(flooded.scores.reasons, row) == Reason.CONSISTENT).all()
    assert unknown.scores.reasons[row] == Reason.CONSISTENT


def test_far_too_few_entries_are_an_alarm_and_explained(pipeline, toy):
    def starve(_catalogue, means):
        means[1][2] *= 0.1

    row = toy.catalogue.blocks[1].start + 2
    scored = pipeline.score([toy.batch(3, run=1001, edit=starve)])[0].scores
    assert scored.reasons[row] == Reason.STARVED
    assert (scored.reasons != Reason.CONSISTENT).sum() == 1
    evidence = scored.evidence[toy.catalogue.names[row]]
    assert evidence.expected_entries == pytest.approx(10 * evidence.entries, rel=0.3)


def test_a_part_of_the_entries_is_missed_beside_siblings_whatever_luminosity_was(pipeline, toy):
    def lose(_catalogue, means):
        means[1][2] *= 0.6

    row = toy.catalogue.blocks[1].start + 2
    batch = replace(toy.batch(3, run=1001, edit=lose), conditions=Conditions())
    state = pipeline.close(merge(None, pipeline.score([batch])[0], 0.0).state, {}, 1.0, "complete")
    (verdict,) = state.verdicts.values()
    assert np.flatnonzero(verdict.reasons).tolist() == [row]
    assert verdict.reasons[row] == Reason.STARVED
    (part,) = state.parts.values()
    assert part.evidence[toy.catalogue.names[row]].kind == "low-statistics"


def test_half_the_luminosity_is_not_starvation(pipeline, toy):
    batch = toy.batch(3, run=1001, edit=scale_all(0.4))
    dim = replace(batch, conditions=replace(batch.conditions, recorded_lumi=0.4 * batch.conditions.recorded_lumi))
    assert (pipeline.score([dim])[0].scores.reasons == Reason.CONSISTENT).all()


def test_nothing_is_judged_without_stable_beams(pipeline, toy):
    batch = toy.batch(3, run=1001, edit=dead(0.5))
    unstable = replace(batch, conditions=replace(batch.conditions, beams_stable=False))
    scored = pipeline.score([unstable])[0].scores
    assert (scored.reasons == Reason.NO_STABLE_BEAMS).all()
    assert not scored.evidence


def strange(toy, *elements):
    """A good batch with further MEs of ones, or with other axes where the name is known."""
    batch = toy.batch(4, run=1001)
    extra = {me.name: me for me in elements}
    catalogue = Catalogue.of([extra.pop(me.name, me) for me in batch.catalogue.elements] + list(extra.values()))
    same_axes = {me.name for me in catalogue.elements if me in batch.catalogue.elements}
    counts = tuple(
        np.array(
            [
                batch.histogram(me.name) if me.name in same_axes else np.ones(block.bins, dtype=np.float32)
                for me in catalogue.elements[block.start : block.stop]
            ]
        )
        for block in catalogue.blocks
    )
    n = len(catalogue)
    return replace(batch, catalogue=catalogue, counts=counts, flow=np.zeros((n, 2)), entries=np.full(n, 3000.0))


def test_unknown_elements_and_other_axes_are_named(pipeline, toy):
    wrong = MonitoringElement(toy.catalogue.names[0], (Axis(toy.catalogue.blocks[0].bins, 0.0, 1.0),))
    new = MonitoringElement("Muon/New/me", (Axis(5, 0.0, 1.0),))
    scored = pipeline.score([strange(toy, wrong, new)])[0].scores
    index = scored.catalogue.index
    assert len(scored.catalogue) == len(toy.catalogue) + 1
    assert scored.reasons[index[wrong.name]] == Reason.WRONG_SHAPE
    assert scored.reasons[index[new.name]] == Reason.NO_MODEL
    assert np.isnan(scored.p_values[[index[wrong.name], index[new.name]]]).all()
    assert scored.present.all()
    assert (scored.digests != 0).all()
    whole = pipeline.score([toy.batch(4, run=1001)])[0].scores
    for name in toy.catalogue.names[1:]:
        assert scored.scores[:, index[name]] == pytest.approx(whole.scores[:, whole.catalogue.index[name]], rel=1e-4)


def test_an_unknown_subsystem_is_not_inspected(pipeline, toy):
    batch = replace(toy.batch(1), subsystem="Calo")
    scored = pipeline.score([batch])[0].scores
    assert (scored.reasons == Reason.NO_MODEL).all()
    assert scored.present.all()
    np.testing.assert_array_equal(scored.digests, pipeline.score([toy.batch(1)])[0].scores.digests)


def test_mixed_batches_come_back_in_order(pipeline, toy):
    batches = [replace(toy.batch(ls), subsystem="Muon" if ls % 3 else "Calo") for ls in range(1, 40)]
    scored = pipeline.score(batches)
    assert [(item.key, item.subsystem) for item in scored] == [(batch.key, batch.subsystem) for batch in batches]


@pytest.mark.parametrize("value", [0.0, 1e30])
def test_extreme_counts_give_no_nan_where_something_is_judged(pipeline, toy, value):
    batch = toy.batch(1)
    counts = tuple(np.full_like(count, value) for count in batch.counts)
    extreme = replace(batch, counts=counts, entries=np.full(len(batch.entries), value))
    scored = pipeline.score([extreme])[0].scores
    judged = np.isin(scored.reasons, (Reason.CONSISTENT, Reason.OVERFULL))
    assert np.isfinite(scored.p_values[judged]).all()
    assert np.isfinite(scored.scores).all()
    assert judged.all() == (value > 0)


def test_no_batches_are_no_scores(pipeline):
    assert pipeline.score([]) == []


def test_an_empty_part_is_scored(pipeline, toy):
    batch = toy.batch(1)
    empty = HistogramBatch(
        batch.key, batch.dataset, batch.subsystem, batch.conditions, Catalogue.of([]), (), np.zeros((0, 2)), np.zeros(0)
    )
    assert not pipeline.score([empty])[0].scores.present.any()
