"""A supervised head learned from labelled whole runs of several monitoring elements: kept where it pays, else not."""

import numpy as np
import pytest

from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.quality import Quality
from dqm.histograms.bundle import load, save
from dqm.histograms.head_training import LEAST_BAD, learn_heads
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

SETTINGS, ALERTS = DqmSettings(), AlertSettings()
BINS, ELEMENTS = 8, 24
TELLING = (1, 6, 13)
AWAY = 5.0
"""Three elements that differ by as much are seen together, and hardly one by one."""
CATALOGUE = Catalogue.of(
    [MonitoringElement(f"Muon/Sector{n // 6}/me{n:02}", (Axis(BINS, 0.0, float(BINS)),)) for n in range(ELEMENTS)]
)


def whole_run(run, away, rng):
    """One run, whose telling elements are tilted by ``away`` of what good runs differ by."""
    tilt = 0.02 * rng.standard_normal((ELEMENTS, 1))
    tilt[list(TELLING)] += 0.02 * away
    shape = 1.0 + tilt * np.linspace(-1, 1, BINS) + 0.02 * rng.standard_normal((ELEMENTS, BINS))
    counts = rng.poisson(20_000 * shape / shape.sum(axis=1, keepdims=True)).astype(np.float32)
    flow, entries = np.zeros((ELEMENTS, 2)), counts.sum(axis=1).astype(float)
    return HistogramBatch(LumisectionKey(run, 0), "/A/B/C", "Muon", Conditions(), CATALOGUE, (counts,), flow, entries)


def site(folder, away, bad_runs):
    """A bundle of good runs, those, and bad ones among them."""
    rng = np.random.default_rng(3)
    is_bad = rng.permutation(np.arange(90 + bad_runs) < bad_runs)
    good = [whole_run(1000 + at, 0.0, rng) for at in np.flatnonzero(~is_bad)]
    bad = [whole_run(1000 + at, away, rng) for at in np.flatnonzero(is_bad)]
    return train(good, folder, SETTINGS, np.random.default_rng(0), lambda *_: None), good, bad


def test_a_head_that_pays_is_kept_and_says_whom_it_listens_to(tmp_path):
    bundle, good, bad = site(tmp_path / "model", AWAY, 30)
    learned, (line,) = learn_heads(bundle, good, bad, SETTINGS, ALERTS)
    assert "It pays and is kept" in line
    weights = learned.subsystems["Muon"].head.weights
    assert set(np.argsort(-weights)[:3]) == set(TELLING)
    again = load(tmp_path / "model") if save(learned, tmp_path / "model") else None
    assert (again.subsystems["Muon"].head.weights == weights).all()
    assert (again.head_p == learned.head_p).all()
    verdicts, plain = (_judged(item, np.random.default_rng(9)) for item in (again, bundle))
    assert sum(verdict.quality == Quality.BAD for verdict, _ in verdicts) > sum(
        verdict.quality == Quality.BAD for verdict, _ in plain
    )
    sentences = [piece.sentence for _, evidence in verdicts for piece in evidence.values()]
    assert any(f"Resembles what people called bad, by {CATALOGUE.names[TELLING[0]]}" in text for text in sentences)


def _judged(bundle, rng):
    """Verdicts and evidence of ten later bad runs."""
    pipeline = Pipeline(bundle, SETTINGS, ALERTS)
    closed = [
        pipeline.close(merge(None, scored, 0.0).state, {}, 1.0, "complete")
        for scored in pipeline.score([whole_run(2000 + at, AWAY, rng) for at in range(10)])
    ]
    return [(state.verdicts["Muon"], state.parts["Muon"].evidence) for state in closed]


@pytest.mark.parametrize("away", [0.0, 12.0], ids=["nothing to see", "seen anyway"])
def test_a_head_that_does_not_pay_is_left_out(tmp_path, away):
    bundle, good, bad = site(tmp_path / "model", away, 30)
    learned, (line,) = learn_heads(bundle, good, bad, SETTINGS, ALERTS)
    assert learned is bundle
    assert "It does not pay and is left out" in line


def test_few_bad_runs_teach_nothing(tmp_path):
    bundle, good, bad = site(tmp_path / "model", AWAY, LEAST_BAD - 1)
    learned, (line,) = learn_heads(bundle, good, bad, SETTINGS, ALERTS)
    assert learned is bundle
    assert f"{LEAST_BAD - 1} and 90 are labelled" in line
