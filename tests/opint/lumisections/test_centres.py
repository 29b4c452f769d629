"""Centres of certification: chosen once for each run, recorded, the same however messages are grouped."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select

from conf.settings import Settings
from dqm.core.calibration import Normaliser
from dqm.core.drift import EVERY
from dqm.core.largest_errors import NUMBERS
from dqm.histograms.bundle import load
from dqm.histograms.certification.model import CertificationModel, Ensemble, top
from dqm.histograms.certification.scaling import FeatureScaling
from dqm.histograms.pipeline import Pipeline
from dqm.networks.prelu_autoencoder import PreluAutoencoder
from dqm.simulate.detector import stream
from dqm.statistics.conformal import ConformalTable
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.lumisections.references import RunReferences
from opint.lumisections.shadow import Shadow
from opint.store import references
from opint.store.references import Part
from opint.store.retention import sweep
from opint.store.tables import certification_centre, reference
from streams.records import LumisectionKey
from streams.source import Message, Partition
from tests.small import LEVEL

PLACE = Partition("cluster", "dqm.histograms", 0)
SETTINGS = Settings()
RUNS = (381_000, 381_001, 381_002)
DATASET = "/Simulated/Detector-v1/DQM"
PER_RUN = 2 * EVERY


def now_s():
    return 1000.0


def untrained(catalogue):
    """A certification model that reconstructs nothing and expects flat histograms."""
    n, width = len(catalogue), NUMBERS * len(catalogue)
    flat = np.tile(np.array([0.1, 0.25, 0.5, 0.75, 0.9, 0.5, 0.29], dtype=np.float32), (n, 1))
    scaling = FeatureScaling(flat, np.zeros_like(flat), np.full_like(flat, 1e-4), np.zeros_like(flat))
    silent = PreluAutoencoder(
        (np.zeros((width, 1), np.float32), np.zeros((1, width), np.float32)), *_identity_layers(width)
    )
    item = np.ones((1, 1), dtype=np.float32)
    normaliser = Normaliser(
        np.zeros((1, 1, 3), np.float32), item, item[0], item[0], np.array([-1, 1], np.float32), item[0] > 0, item > 0
    )
    table = ConformalTable.of(np.linspace(0, 10, 200))
    assert top(width) == NUMBERS
    return CertificationModel(Ensemble(scaling, (silent,) * 2, np.ones((2, width), np.float32)), normaliser, table)


def _identity_layers(width):
    return (np.zeros(1, np.float32), np.zeros(width, np.float32)), (np.ones(1, np.float32),)


@pytest.fixture(scope="module")
def bundle(models):
    plain = load(models / "histograms")
    certified = {
        name: replace(subsystem, certification=untrained(subsystem.catalogue))
        for name, subsystem in plain.subsystems.items()
    }
    return replace(plain, subsystems=certified, certification_p=plain.folder_p)


@pytest.fixture(scope="module")
def messages(detector):
    keys = [(LumisectionKey(run, ls), LEVEL) for run in RUNS for ls in range(1, PER_RUN + 1)]
    batches = [batch for item in stream(detector, keys, (), 3) for batch in item.batches]
    return [Message(PLACE, n, batch, {}, 999.0, f"offset {n}") for n, batch in enumerate(batches)]


def handle(store, pipeline, messages, poll):
    """What the daemon does, ``poll`` messages at a time; the largest errors of all."""
    chooser = RunReferences(store, "histograms", pipeline, now_s)
    ingest = LumisectionIngest(store, pipeline, SETTINGS, "me", now_s)
    ingest.claim([PLACE])
    errors = []
    for start in range(0, len(messages), poll):
        sample = messages[start : start + poll]
        for part, batches in chooser.parts(sample, [item.value for item in sample]):
            scored = pipeline.score(batches)
            errors += [item.scores.largest.errors for item in scored]
            ingest.apply([Arrival(item, outcome) for item, outcome in zip(part, scored, strict=True)])
    return np.concatenate(errors)


def pipeline_of(bundle):
    return Pipeline(bundle, SETTINGS.dqm, SETTINGS.alerts)


def centres(store, bundle):
    """The centre of each run and subsystem."""
    parts = [Part(DATASET, run, name, bundle.version) for run in RUNS for name in bundle.subsystems]
    with store.read() as tx:
        return {part: references.centre_shift(tx, part) for part in parts}


def test_a_run_is_certified_about_where_the_runs_before_lay(store, bundle, messages):
    errors = handle(store, pipeline_of(bundle), messages, 7)
    result = centres(store, bundle)
    sizes = [np.mean([np.abs(item).mean() for part, item in result.items() if part.run == run]) for run in RUNS]
    assert sizes[0] == 0
    assert 0 < sizes[1] < sizes[2]
    per_run = errors.reshape(len(RUNS), -1).mean(axis=1)
    assert per_run[0] > per_run[1] > per_run[2]
    with store.read() as tx:
        assert tx.scalar(select(func.count()).select_from(reference)) == 0


@pytest.mark.parametrize("poll", [1, 1000])
def test_how_messages_are_grouped_changes_nothing(store, open_store, tmp_path, bundle, messages, poll):
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    other.upgrade()
    results = [handle(item, pipeline_of(bundle), messages, size) for item, size in ((store, poll), (other, 13))]
    assert results[0].tobytes() == results[1].tobytes()
    theirs = centres(other, bundle)
    assert all(item.tobytes() == theirs[part].tobytes() for part, item in centres(store, bundle).items())


def test_a_daemon_that_starts_again_reads_what_was_chosen(store, bundle, messages):
    whole = handle(store, pipeline_of(bundle), messages, 5)
    cut = len(messages) * 5 // 6
    again = handle(store, pipeline_of(bundle), messages[cut:], 5)
    assert again.tobytes() == whole[-len(again) :].tobytes()


def test_a_model_in_shadow_follows_in_a_way_of_its_own(store, bundle, messages):
    peer = replace(bundle, version="beside")
    current, shadow = pipeline_of(bundle), pipeline_of(peer)
    chooser = RunReferences(store, "histograms", current, now_s, shadow)
    ingest = LumisectionIngest(store, current, SETTINGS, "me", now_s, Shadow(shadow, SETTINGS.dqm.frozen_after - 1))
    ingest.claim([PLACE])
    for part, batches in chooser.parts(messages, [message.value for message in messages]):
        scored = zip(part, current.score(batches), shadow.score(batches), strict=True)
        ingest.apply([Arrival(*item) for item in scored])
    theirs = centres(store, peer)
    assert all(their.any() for part, their in theirs.items() if part.run != RUNS[0])
    for part, item_value in centres(store, bundle).items():
        np.testing.assert_array_equal(item_value, theirs[replace(part, model_version="beside")])


def test_what_comes_twice_leaves_nothing(store, bundle, messages):
    first = messages[: len(messages) // 3]
    handle(store, pipeline_of(bundle), first, 9)
    part = Part(DATASET, RUNS[0] + 1, next(iter(bundle.subsystems)), bundle.version)
    with store.read() as tx:
        _, once = references.centre_before(tx, part)
    handle(store, pipeline_of(bundle), [replace(item, offset=item.offset + len(first)) for item in first], 9)
    with store.read() as tx:
        _, twice = references.centre_before(tx, part)
    assert once.lumisections.sum(axis=0).max() == PER_RUN // EVERY
    np.testing.assert_array_equal(once.sums, twice.sums)
    np.testing.assert_array_equal(once.pileup, twice.pileup)


def test_the_first_centre_stands_and_goes_with_its_run(store, bundle):
    part = Part(DATASET, 1, "Muon", bundle.version)
    with store.begin() as tx:
        for value in (1.0, 2.0):
            references.record_centre(tx, part, np.full((2, 3, NUMBERS), value, dtype=np.float32), 0.0)
        assert references.centre_shift(tx, part).max() == 1.0
    sweep(store, 2 * 86_400.0, 1.0)
    with store.read() as tx:
        assert tx.scalar(select(func.count()).select_from(certification_centre)) == 0
