"""References of runs: chosen once, recorded, the same however messages are grouped; on both databases."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select

from conf.settings import DqmSettings, Settings
from dqm.core.drift import EVERY
from dqm.histograms.bundle import load
from dqm.histograms.pipeline import Pipeline
from dqm.simulate.detector import stream
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.lumisections.references import RunReferences
from opint.lumisections.shadow import Shadow
from opint.store import references
from opint.store.references import Part
from opint.store.tables import reference, run_sums
from streams.errors import DecodeError
from streams.records import LumisectionKey
from streams.source import Message, Partition
from tests.small import LEVEL

PLACE = Partition("cluster", "dqm.histograms", 0)
SETTINGS = Settings(dqm=DqmSettings(references="adaptive"))
RUNS = (381_000, 381_001, 381_002)
DATASET = "/Simulated/Detector-v1/DQM"
PER_RUN = 2 * EVERY


def now_s():
    return 1000.0


@pytest.fixture(scope="module")
def bundle(models):
    return load(models / "histograms")


@pytest.fixture
def pipeline(bundle):
    return Pipeline(bundle, SETTINGS.dqm, SETTINGS.alerts)


@pytest.fixture(scope="module")
def messages(detector):
    keys = [(LumisectionKey(run, ls), LEVEL) for run in RUNS for ls in range(1, PER_RUN + 1)]
    batches = [batch for item in stream(detector, keys, (), 3) for batch in item.batches]
    return [Message(PLACE, n, batch, {}, 999.0, f"offset {n}") for n, batch in enumerate(batches)]


def handle(store, pipeline, messages, poll, chooser=None):
    """What the daemon does, ``poll`` messages at a time; p-values of all."""
    chooser = chooser or RunReferences(store, "histograms", pipeline, now_s)
    ingest = LumisectionIngest(store, pipeline, SETTINGS, "me", now_s)
    ingest.claim([PLACE])
    p_values = []
    for start in range(0, len(messages), poll):
        sample = messages[start : start + poll]
        for part, batches in chooser.parts(sample, [item.value for item in sample]):
            scored = pipeline.score(batches)
            p_values += [item.scores.p_values for item in scored]
            ingest.apply([Arrival(item, outcome) for item, outcome in zip(part, scored, strict=True)])
    return np.concatenate(p_values)


def recorded(store, bundle):
    """Everything recorded, by run and subsystem."""
    with store.read() as tx:
        return {
            (run, name): item
            for run in RUNS
            for name, item in references.chosen(tx, DATASET, run, bundle.version).items()
        }


def test_runs_are_followed_and_the_reasons_are_recorded(store, pipeline, bundle, messages):
    handle(store, pipeline, messages, 7)
    result = recorded(store, bundle)
    assert set(result) == {(run, name) for run in RUNS for name in bundle.subsystems}
    for name in bundle.subsystems:
        assert result[RUNS[0], name].reason == "no run has been followed yet"
        assert not result[RUNS[0], name].adaptive
        assert result[RUNS[2], name].adaptive
        assert result[RUNS[2], name].runs == 2
        assert result[RUNS[2], name].newest_run == RUNS[1]
    with store.read() as tx:
        shown = references.shown(tx, DATASET, RUNS[2])
    assert [item.subsystem for item in shown] == sorted(bundle.subsystems)
    assert all(item.adaptive and item.usable == item.elements and 0 < item.median_drift < 0.05 for item in shown)


@pytest.mark.parametrize("poll", [1, 1000])
def test_how_messages_are_grouped_changes_nothing(store, open_store, tmp_path, bundle, messages, poll):
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    other.upgrade()
    results = [
        handle(item, Pipeline(bundle, SETTINGS.dqm, SETTINGS.alerts), messages, size)
        for item, size in ((store, poll), (other, 13))
    ]
    assert results[0].tobytes() == results[1].tobytes()
    ours, theirs = recorded(store, bundle), recorded(other, bundle)
    for key, our in ours.items():
        assert our.reason == theirs[key].reason
        assert our.share.tobytes() == theirs[key].share.tobytes()


def test_a_daemon_that_starts_again_reads_what_was_chosen(store, pipeline, bundle, messages):
    cut = len(messages) * 5 // 6
    handle(store, pipeline, messages[:cut], 5)
    before = recorded(store, bundle)
    fresh = Pipeline(bundle, SETTINGS.dqm, SETTINGS.alerts)
    again = handle(store, fresh, messages[cut:], 5)
    assert (
        again.tobytes()
        == np.concatenate([item.scores.p_values for item in pipeline.score(_batches(messages[cut:]))]).tobytes()
    )
    assert {key: item.reason for key, item in recorded(store, bundle).items()} == {
        key: item.reason for key, item in before.items()
    }


def test_what_comes_twice_adds_nothing(store, pipeline, bundle, messages):
    first = messages[: len(messages) // 3]
    handle(store, pipeline, first, 9)
    part = Part(DATASET, RUNS[0] + 1, next(iter(bundle.subsystems)), bundle.version)
    with store.read() as tx:
        ((_, once),) = references.since(tx, part, 0, 5)
    again = [Message(PLACE, item.offset + len(first), item.value, {}, 999.0, "again") for item in first]
    handle(store, pipeline, again, 9)
    with store.read() as tx:
        ((_, twice),) = references.since(tx, part, 0, 5)
    assert once.histograms.sum(axis=0).max() == PER_RUN // EVERY
    assert np.array_equal(once.counts, twice.counts)
    assert np.array_equal(once.histograms, twice.histograms)


def test_the_first_choice_stands(store, pipeline, bundle, messages):
    handle(store, pipeline, messages, 50)
    name = next(iter(bundle.subsystems))
    part = Part(DATASET, RUNS[2], name, bundle.version)
    first_choice = recorded(store, bundle)[RUNS[0], name]
    with store.begin() as tx:
        references.record(tx, part, first_choice, 2000.0)
    assert recorded(store, bundle)[RUNS[2], name].adaptive


def test_a_model_in_shadow_follows_as_the_judging_one_does(store, pipeline, bundle, messages):
    peer = replace(bundle, version="beside")
    shadow = Pipeline(peer, SETTINGS.dqm, SETTINGS.alerts)
    chooser = RunReferences(store, "histograms", pipeline, now_s, shadow)
    ingest = LumisectionIngest(store, pipeline, SETTINGS, "me", now_s, Shadow(shadow, SETTINGS.dqm.frozen_after - 1))
    ingest.claim([PLACE])
    for part, batches in chooser.parts(messages, [message.value for message in messages]):
        scored = zip(part, pipeline.score(batches), shadow.score(batches), strict=True)
        ingest.apply([Arrival(*arrival) for arrival in scored])
    theirs = recorded(store, peer)
    assert theirs.keys() == recorded(store, bundle).keys()
    for place, chosen in recorded(store, bundle).items():
        assert (chosen.reason, chosen.share.tobytes()) == (theirs[place].reason, theirs[place].share.tobytes())
    with store.read() as tx:
        shown = references.shown(tx, DATASET, RUNS[2])
    assert [chosen.subsystem for chosen in shown] == sorted(bundle.subsystems), "of the judging one alone"


def test_undecodable_messages_go_their_way(store, pipeline, messages):
    error = DecodeError("bad-json", "value", "broken")
    batches = [error, messages[0].value, error, messages[-1].value]
    parts = list(RunReferences(store, "histograms", pipeline, now_s).parts(range(4), batches))
    assert [list(sample) for sample, _ in parts] == [[0], [1, 2], [3]]
    assert [item for _, sample in parts for item in sample] == batches


def test_frozen_references_write_nothing(store, bundle, messages):
    pipeline = Pipeline(bundle, DqmSettings(), SETTINGS.alerts)
    ingest = LumisectionIngest(store, pipeline, Settings(), "me", now_s)
    ingest.claim([PLACE])
    sample = messages[: 4 * EVERY]
    ingest.apply([Arrival(item, result) for item, result in zip(sample, pipeline.score(_batches(sample)), strict=True)])
    with store.read() as tx:
        assert [tx.scalar(select(func.count()).select_from(table)) for table in (run_sums, reference)] == [0, 0]


def _batches(messages):
    return [message.value for message in messages]
