"""What is an occupancy, and what follows from it."""

import numpy as np
import pytest

from conf.settings import AlertSettings, DqmSettings
from dqm.histograms.bundle import load
from dqm.histograms.occupancy.shapes import Kind, kind
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

LINE, PLANE = (Axis(30, 0, 30),), (Axis(6, 0, 6), Axis(5, 0, 5))
BASIC = ("pull", "chi2", "kolmogorov")


@pytest.mark.parametrize(
    ("axes", "patterns", "expected"),
    [
        (PLANE, "", Kind.MAP),
        (PLANE, "*/hits", Kind.MAP),
        (LINE, "*occupancy*, */hits", Kind.STRIP),
        (LINE, "Muon/hits,*occupancy*", Kind.OTHER),
        (LINE, "", Kind.OTHER),
        ((*PLANE, *LINE), "*", Kind.OTHER),
    ],
)
def test_maps_have_two_axes_and_strips_are_named(axes, patterns, expected):
    assert kind(MonitoringElement("Muon/Sector1/hits", axes), patterns) is expected


CATALOGUE = Catalogue.of(
    [MonitoringElement(f"Muon/Sector{n}/{name}", axes) for n in range(4) for name, axes in
     (("hits", LINE), ("time", LINE), ("map", PLANE))]
)  # fmt: skip


def batch(ls, edit=None):
    rng = np.random.default_rng([ls, 7])
    means = [200 * np.random.default_rng(bins).uniform(0.7, 1.3, (block.stop - block.start, bins))
             for block in CATALOGUE.blocks for bins in [block.bins]]  # fmt: skip
    if edit is not None:
        edit(means)
    counts = tuple(rng.poisson(mean).astype(np.float32) for mean in means)
    entries = np.concatenate([count.sum(axis=1, dtype=np.float64) for count in counts])
    conditions = Conditions(fill=1, pileup=40.0 + ls % 7, recorded_lumi=0.4, beams_stable=True)
    flow = np.zeros((len(entries), 2))
    return HistogramBatch(
        LumisectionKey(1 + ls // 18, ls), "/Toy/A/DQM", "Muon", conditions, CATALOGUE, counts, flow, entries
    )


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A pipeline from a saved bundle, in which `hits` are strips, and its model."""
    settings = DqmSettings(occupancy_strips="*/hits")
    folder = tmp_path_factory.mktemp("occupancy") / "m"
    train((batch(ls) for ls in range(1, 451)), folder, settings, np.random.default_rng(2), lambda _what, _share: None)
    bundle = load(folder)
    return Pipeline(bundle, settings, AlertSettings()), bundle.subsystems["Muon"]


def test_scorers_are_learned_where_they_apply(judged):
    _, model = judged
    strips, maps = (set(group.scorers) - {*BASIC, "autoencoder"} for group in sorted(model.groups, key=plane))
    assert (strips, maps) == ({"occupancy-strip"}, {"occupancy-map"})
    assert model.scorers == (*BASIC, "autoencoder", "occupancy-map", "occupancy-strip")


def plane(group):
    return "occupancy-map" in group.scorers


def test_scores_stand_only_where_they_apply(judged):
    pipeline, model = judged
    scores = pipeline.score([batch(501)])[0].scores
    reports = {name: np.isfinite(scores.scores[place]) for place, name in enumerate(scores.scorers)}
    names = np.array(CATALOGUE.names)
    np.testing.assert_array_equal(reports["occupancy-strip"], np.char.endswith(names, "/hits"))
    np.testing.assert_array_equal(reports["occupancy-map"], np.char.endswith(names, "/map"))
    assert reports["pull"].all()
    assert model.normaliser.covered.shape == scores.scores.shape


def test_a_dead_region_is_found_and_its_evidence_names_the_scorers_that_looked(judged):
    pipeline, _ = judged
    row = CATALOGUE.index["Muon/Sector1/hits"]
    block = next(place for place, block in enumerate(CATALOGUE.blocks) if block.start <= row < block.stop)

    def dead(means):
        means[block][row - CATALOGUE.blocks[block].start, 10:14] *= 0.1

    scores = pipeline.score([batch(502, dead)])[0].scores
    assert scores.p_values[row] < 1e-4
    assert set(scores.evidence["Muon/Sector1/hits"].scores) == {*BASIC, "autoencoder", "occupancy-strip"}


def test_good_ones_keep_uniform_p_values(judged):
    pipeline, _ = judged
    p = np.array([item.scores.p_values for item in pipeline.score([batch(ls) for ls in range(600, 720)])])
    hits = np.char.endswith(np.array(CATALOGUE.names), "/hits")
    for rows in (hits, ~hits):
        assert (p[:, rows] <= 0.05).mean() == pytest.approx(0.05, abs=0.03)
