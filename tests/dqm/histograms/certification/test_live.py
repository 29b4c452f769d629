"""Certification from training to verdict, in the pipeline."""

from dataclasses import replace

import numpy as np
import pytest

from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.largest_errors import NUMBERS
from dqm.core.quality import Reason
from dqm.histograms.bundle import load
from dqm.histograms.certification.attribution import ModelCertifier
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from streams.records import Catalogue, Conditions, MonitoringElement

SETTINGS = DqmSettings(certification="autoencoder")


@pytest.fixture(scope="module")
def bundle(toy, tmp_path_factory):
    batches = [toy.batch(ls, run=981 + (ls - 1) // 15) for ls in range(1, 301)]
    folder = tmp_path_factory.mktemp("certified") / "toy"
    trained = train(batches, folder, SETTINGS, np.random.default_rng(3), lambda _what, _share: None)
    loaded = load(folder)
    assert loaded.version == trained.version
    return loaded


@pytest.fixture(scope="module")
def pipeline(bundle):
    return Pipeline(bundle, SETTINGS, AlertSettings())


def select(batch, names):
    """The part of a batch that holds the named MEs."""
    catalogue = Catalogue.of([batch.catalogue.elements[batch.catalogue.index[name]] for name in names])
    order = [batch.catalogue.index[name] for name in catalogue.names]
    counts = tuple(
        np.array([batch.histogram(name) for name in catalogue.names[block.start : block.stop]])
        for block in catalogue.blocks
    )
    return replace(batch, catalogue=catalogue, counts=counts, flow=batch.flow[order], entries=batch.entries[order])


def tilted(catalogue, means):
    """Everything in one folder leans over by a few percent: hardly anything in any one histogram."""
    for block, mean in zip(catalogue.blocks, means, strict=True):
        for row in range(block.start, block.stop):
            if catalogue.elements[row].group.endswith("Sector2"):
                mean[row - block.start] *= np.linspace(0.8, 1.2, block.bins)


def opinion(pipeline, bundle, batch):
    certifier = ModelCertifier(bundle.subsystems["Muon"].certification, bundle.pileup)
    return certifier.opinion(pipeline.score([batch])[0].scores, batch.conditions)


def test_grouping_and_repetition_give_the_same_bytes(pipeline, toy):
    batches = [toy.batch(ls, run=1001) for ls in range(1, 40)]
    together = pipeline.score(batches)
    for at, batch in enumerate(batches):
        assert pipeline.score([batch])[0].scores.largest.same(together[at].scores.largest)


def test_good_lumisections_have_uniform_p_values(pipeline, bundle, toy):
    result = np.array([opinion(pipeline, bundle, toy.batch(ls, run=1002)).p_value for ls in range(1, 200)])
    assert (result < 0.05).mean() < 0.15
    assert 0.3 < result.mean() < 0.7


def test_a_fault_is_condemned_with_the_elements_that_show_it(pipeline, bundle, toy):
    batch = toy.batch(5, run=1001, edit=tilted)
    result = opinion(pipeline, bundle, batch)
    assert result.p_value < 5e-3
    hit = np.array([me.group == "Muon/Sector2" for me in toy.catalogue.elements])
    assert result.shares[hit].sum() > 0.6
    scored = pipeline.score([batch])[0]
    closed = pipeline.close(merge(None, scored, 0.0).state, {}, 1.0, "complete")
    bad = np.flatnonzero(closed.verdicts["Muon"].reasons == Reason.DEVIATES)
    assert len(bad)
    assert hit[bad].all()
    evidence = [closed.parts["Muon"].evidence[toy.catalogue.names[row]] for row in bad]
    assert max(item.worst_features[0].error for item in evidence if item.worst_features) > 10


def test_parts_add_up_in_any_order_and_twice(pipeline, toy):
    batch = toy.batch(7, run=1001)
    names = toy.catalogue.names
    parts = [pipeline.score([select(batch, sample)])[0] for sample in (names[:8], names[5:12], names[10:])]

    def added(order):
        state = None
        for at in order:
            state = merge(state, parts[at], 0.0).state
        return state.parts["Muon"].largest

    first = added([0, 1, 2])
    assert all(added(order).same(first) for order in ([2, 1, 0], [1, 0, 2, 1], [0, 0, 2, 2, 1]))
    merged = merge(merge(None, parts[0], 0.0).state, parts[0], 1.0)
    assert not merged.changed


def test_elements_that_contradict_what_came_before_leave_no_errors(pipeline, toy):
    names = toy.catalogue.names
    first = merge(None, pipeline.score([select(toy.batch(7, run=1001), names[:4])])[0], 0.0).state
    other = pipeline.score([select(toy.batch(7, run=1001, seed=9), names[:6])])[0]
    merged = merge(first, other, 0.0)
    assert merged.conflicts == names[:4]
    largest = merged.state.parts["Muon"].largest
    elements = set(largest.features[largest.features >= 0] // NUMBERS)
    before = first.parts["Muon"].largest
    earlier = {(int(f), float(e)) for f, e in zip(before.features[0], before.errors[0], strict=True)}
    now = {(int(f), float(e)) for f, e in zip(largest.features[0], largest.errors[0], strict=True)}
    assert elements <= set(range(6))
    assert {item for item in now if item[0] // NUMBERS < 4} <= earlier


def test_elements_that_nobody_expected_move_the_others_only(pipeline, bundle, toy):
    batch = toy.batch(5, run=1001, edit=tilted)
    new = MonitoringElement("Muon/New/me", batch.catalogue.elements[0].axes)
    block = batch.catalogue.blocks[0]
    counts = (np.concatenate([batch.counts[0], batch.counts[0][:1]]), *batch.counts[1:])
    # "Muon/New" sorts before all sectors.
    counts = (np.concatenate([counts[0][-1:], counts[0][:-1]]), *counts[1:])
    wider = replace(
        batch,
        catalogue=Catalogue.of([*batch.catalogue.elements, new]),
        counts=counts,
        flow=np.concatenate([batch.flow[:1], batch.flow]),
        entries=np.concatenate([batch.entries[:1], batch.entries]),
    )
    assert block.start == 0
    plain, moved = opinion(pipeline, bundle, batch), opinion(pipeline, bundle, wider)
    assert moved.p_value == plain.p_value
    np.testing.assert_allclose(moved.shares, np.concatenate([[0.0], plain.shares]))


def test_a_part_of_another_model_is_not_judged(pipeline, bundle, toy):
    certifier = ModelCertifier(bundle.subsystems["Muon"].certification, bundle.pileup)
    part = pipeline.score([toy.batch(5)])[0].scores
    assert certifier.opinion(replace(part, largest=None), Conditions()) is None
    narrow = replace(part.largest, errors=part.largest.errors[:, :3], features=part.largest.features[:, :3])
    assert certifier.opinion(replace(part, largest=narrow), Conditions()) is None


def test_without_the_setting_nothing_is_kept(toy_bundle, toy):
    scored = Pipeline(toy_bundle, DqmSettings(), AlertSettings()).score([toy.batch(5)])[0]
    assert scored.scores.largest is None
    assert toy_bundle.certification_p is None
