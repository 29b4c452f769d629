"""Lumisections of one monitoring element, whose good runs differ by more than counting errors."""

from collections import Counter

import numpy as np
import pytest

from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.quality import Quality, Reason
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement

BINS = 60
CATALOGUE = Catalogue.of([MonitoringElement("Pixel/charge", (Axis(BINS, 0.0, 5.0),))])
CHARGE = np.linspace(0, 5, BINS)


def lumisections(rng, first_run, runs, gain=1.0):
    """20 LS of each run, whose gain is its own."""
    for run in range(first_run, first_run + runs):
        of_run = gain * (1 + 0.02 * rng.normal())
        for ls in range(1, 21):
            scaled = CHARGE * (of_run + 0.003 * rng.normal())
            shape = (scaled + 0.02) * np.exp(-scaled) + 1e-3
            counts = rng.poisson(1e5 * shape / shape.sum())[None].astype(np.float32)
            entries = counts.sum(axis=1, dtype=np.float64)
            key = LumisectionKey(run, ls)
            yield HistogramBatch(
                key, "/P/Run/DQM", "Pixel", Conditions(), CATALOGUE, (counts,), np.zeros((1, 2)), entries
            )


def qualities(pipeline, batches):
    states = (merge(None, scored, 0.0).state for scored in pipeline.score(list(batches)))
    return Counter(pipeline.close(state, {}, 1.0, "complete").verdicts["Pixel"].quality for state in states)


@pytest.mark.parametrize("runs", [2, 3, 8])
def test_nothing_bad_is_called_good_and_few_good_ones_alarm_however_few_runs(tmp_path, runs):
    rng = np.random.default_rng([7, runs])
    learned = lumisections(rng, 1000, runs)
    bundle = train(learned, tmp_path / "m", DqmSettings(), np.random.default_rng(0), lambda _what, _share: None)
    pipeline = Pipeline(bundle, DqmSettings(), AlertSettings())
    good = qualities(pipeline, lumisections(rng, 2000, 10))
    bad = qualities(pipeline, lumisections(rng, 3000, 10, gain=1.3))
    assert good[Quality.BAD] <= 0.075 * good.total()
    assert not bad[Quality.GOOD]
    if runs < 4:
        assert set(good) == set(bad) == {Quality.NOT_INSPECTED}
    else:
        assert good[Quality.GOOD] >= 0.7 * good.total()
        assert bad[Quality.BAD] >= 0.9 * bad.total()


SIBLINGS = Catalogue.of([MonitoringElement(f"Pixel/layer{at}", (Axis(10, 0.0, 1.0),)) for at in range(6)])
EXPECTED = np.array([120.0, 400.0, 900.0, 900.0, 2000.0, 2000.0])
"""The first is too scarce for a lack of half its entries to be judged."""


def layers(rng, means, run, ls):
    counts = rng.poisson(np.repeat(means[:, None] / 10, 10, axis=1)).astype(np.float32)
    return HistogramBatch(
        LumisectionKey(run, ls),
        "/P/Run/DQM",
        "Pixel",
        Conditions(),
        SIBLINGS,
        (counts,),
        np.zeros((6, 2)),
        counts.sum(axis=1, dtype=np.float64),
    )


def test_an_element_that_is_empty_among_full_ones_alarms_after_one_run(tmp_path):
    rng = np.random.default_rng(5)
    learned = [layers(rng, EXPECTED, 1000, ls) for ls in range(1, 21)]
    bundle = train(learned, tmp_path / "m", DqmSettings(), np.random.default_rng(0), lambda _what, _share: None)
    pipeline = Pipeline(bundle, DqmSettings(), AlertSettings())
    dead, low, scarce = EXPECTED.copy(), 0.1 * EXPECTED, EXPECTED.copy()
    dead[0], low[0], scarce[0] = 0.0, 0.0, 5.0
    of_dead, of_low, of_scarce = (
        item.scores.reasons
        for item in pipeline.score([layers(rng, means, 1001, ls) for ls, means in enumerate((dead, low, scarce), 1)])
    )
    assert of_dead[0] == Reason.STARVED
    assert (of_dead[1:] != Reason.STARVED).all()
    assert of_low[0] == of_scarce[0] == Reason.LOW_STATISTICS
