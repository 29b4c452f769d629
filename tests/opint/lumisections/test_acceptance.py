"""An operator accepts a changed state: what comes after is judged by it, in another process as well."""

from collections import Counter

import numpy as np
import pytest

from conf.settings import Settings
from dqm.core.accepted import LEAST_ACCEPTED
from dqm.core.drift import EVERY
from dqm.core.quality import Reason
from dqm.histograms.bundle import load
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from dqm.simulate.detector import stream
from dqm.simulate.faults import Fault, FaultKind
from opint.incidents import acceptance
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.lumisections.references import RunReferences
from opint.store import incident_pages, lumisections
from opint.stream_kinds import accepting_streams
from streams.records import LumisectionKey
from streams.source import Message, Partition
from tests.small import LEVEL
from tests.support.whole_runs import whole_run

PLACE = Partition("cluster", "dqm.histograms", 0)
SETTINGS = Settings()
DATASET = "/Simulated/Detector-v1/DQM"
CHANGED = "Muon/Part1/timing"
FIRST, LEARNED, ALIKE, FAULTY = 381_000, 381_001, 381_002, 381_003
RNG = np.random.default_rng(1)
PER_RUN = (LEAST_ACCEPTED + 1) * EVERY


@pytest.fixture(scope="module")
def bundle(models):
    return load(models / "histograms")


@pytest.fixture(scope="module")
def messages(detector):
    """Four runs with another gain in one element; in the last one a part of its bins is dead as well."""
    ends = LumisectionKey(FIRST, 1), LumisectionKey(FAULTY, PER_RUN)
    faults = [
        Fault(FaultKind.GAIN, "Muon", 0.5, *ends, elements=(CHANGED,), seed=3),
        Fault(FaultKind.DEAD, "Muon", 0.2, LumisectionKey(FAULTY, 1), ends[1], elements=(CHANGED,), seed=4),
    ]
    keys = [(LumisectionKey(run, ls), LEVEL) for run in (FIRST, LEARNED, ALIKE, FAULTY) for ls in range(1, PER_RUN + 1)]
    batches = [batch for lumisection in stream(detector, keys, faults, 3) for batch in lumisection.batches]
    return [Message(PLACE, n, batch, {}, 999.0, f"offset {n}") for n, batch in enumerate(batches)]


def judge(store, bundle, messages, at_s):
    """A daemon that starts, and judges these; what it says of the element, by reason."""
    pipeline = Pipeline(bundle, SETTINGS.dqm, SETTINGS.alerts)
    chooser = RunReferences(store, "histograms", pipeline, lambda: at_s)
    ingest = LumisectionIngest(store, pipeline, SETTINGS, "me", lambda: at_s)
    ingest.claim([PLACE])
    for part, batches in chooser.parts(messages, [message.value for message in messages]):
        ingest.apply([Arrival(*arrival) for arrival in zip(part, pipeline.score(batches), strict=True)])
    keys = sorted({message.value.key for message in messages})
    row = bundle.catalogues["Muon"].index[CHANGED]
    with store.read() as tx:
        states = lumisections.load(tx, DATASET, keys)
    return Counter(Reason(int(states[key].verdicts["Muon"].reasons[row])) for key in keys)


def of_run(messages, run):
    return [message for message in messages if message.value.key.run == run]


def accept(store, at_s):
    with store.begin() as tx:
        (number,) = [shown.id for shown in incident_pages.gravest(tx, 5) if shown.element_group == "Muon/Part1"]
        acceptance.accept(tx, number, "ana", "new high voltage", at_s, accepting_streams())
        return number


def begin(store, bundle, messages, lumisections):
    """The first run as far as it is accepted, and the rest of it; the incident's number."""
    first = of_run(messages, FIRST)
    cut = len(first) // PER_RUN * lumisections
    assert judge(store, bundle, first[:cut], 10.0)[Reason.DEVIATES] == lumisections
    number = accept(store, 20.0)
    assert judge(store, bundle, first[cut:], 30.0)[Reason.DEVIATES] >= PER_RUN - lumisections - 2, (
        "it keeps its reference"
    )
    return number


def test_an_accepted_state_is_good_at_once_and_a_fault_in_it_is_not(store, bundle, messages):
    number = begin(store, bundle, messages, EVERY)
    assert judge(store, bundle, of_run(messages, LEARNED), 40.0)[Reason.CONSISTENT] >= PER_RUN - 2
    with store.read() as tx:
        assert incident_pages.detail(tx, number).state == "resolved", "it has cleared by itself"
    assert judge(store, bundle, of_run(messages, ALIKE), 50.0)[Reason.CONSISTENT] >= PER_RUN - 2
    assert judge(store, bundle, of_run(messages, FAULTY), 60.0)[Reason.DEVIATES] >= PER_RUN - 2


def test_a_state_of_which_too_little_was_seen_is_learned_before_it_is_judged(store, bundle, messages):
    begin(store, bundle, messages, 2)
    assert judge(store, bundle, of_run(messages, LEARNED), 40.0) == {Reason.RESOLUTION: PER_RUN}
    assert judge(store, bundle, of_run(messages, ALIKE), 50.0)[Reason.CONSISTENT] >= PER_RUN - 2


def test_what_is_revoked_is_judged_as_before(store, bundle, messages):
    first = of_run(messages, FIRST)
    judge(store, bundle, first, 10.0)
    number = accept(store, 20.0)
    with store.begin() as tx:
        acceptance.revoke(tx, number, "ben", "the old supply is back", 30.0)
    assert judge(store, bundle, of_run(messages, LEARNED), 40.0)[Reason.DEVIATES] >= PER_RUN - 2


def test_others_are_judged_as_before(store, open_store, tmp_path, bundle, messages):
    """The elements beside it have the same p-values, byte by byte."""
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    other.upgrade()
    p_values = []
    for place, accepted in ((store, True), (other, False)):
        judge(place, bundle, of_run(messages, FIRST), 10.0)
        if accepted:
            accept(place, 20.0)
        for run, at_s in ((LEARNED, 40.0), (ALIKE, 50.0)):
            judge(place, bundle, of_run(messages, run), at_s)
        with place.read() as tx:
            key = LumisectionKey(ALIKE, 9)
            part = lumisections.load(tx, DATASET, [key])[key].parts["Muon"]
        p_values.append(np.delete(part.p_values, part.catalogue.index[CHANGED]).tobytes())
    assert p_values[0] == p_values[1]


def test_an_incident_says_since_when_its_state_is_stable(store, bundle, messages):
    judge(store, bundle, of_run(messages, FIRST)[: 6 * 2], 10.0)
    with store.read() as tx:
        (number,) = [shown.id for shown in incident_pages.gravest(tx, 5) if shown.element_group == "Muon/Part1"]
        stable = incident_pages.detail(tx, number).stable_since
    assert (stable.run, stable.ls, stable.me, stable.lumisections, stable.moved) == (FIRST, 1, CHANGED, 6, True)


def test_an_accepted_state_of_whole_runs_resolves_its_incident_and_the_next_run_is_judged_by_it(store, tmp_path):
    learned = train([whole_run(number) for number in range(1, 41)], tmp_path / "m", SETTINGS.dqm, RNG, lambda *_: None)

    def judge_runs(numbers, at_s):
        pipeline = Pipeline(learned, SETTINGS.dqm, SETTINGS.alerts)
        chooser = RunReferences(store, "histograms", pipeline, lambda: at_s)
        ingest = LumisectionIngest(store, pipeline, SETTINGS, "me", lambda: at_s)
        ingest.claim([PLACE])
        runs = [Message(PLACE, number, whole_run(number, dead=True), {}, 999.0, "") for number in numbers]
        reasons = []
        for part, batches in chooser.parts(runs, [message.value for message in runs]):
            (state,) = ingest.apply(
                [Arrival(*arrival) for arrival in zip(part, pipeline.score(batches), strict=True)]
            ).closed
            reasons.append(Reason(int(state.verdicts["Muon"].reasons[0])))
        return reasons

    assert set(judge_runs(range(100, 106), 10.0)) == {Reason.DEVIATES}
    with store.begin() as tx:
        (number,) = [shown.id for shown in incident_pages.gravest(tx, 5)]
        acceptance.accept(tx, number, "ana", "masked for good", 20.0, accepting_streams())
        assert incident_pages.detail(tx, number).state == "resolved"
    reasons = judge_runs(range(106, 112), 30.0)
    assert Reason.DEVIATES not in reasons
    with store.read() as tx:
        assert not incident_pages.gravest(tx, 5)
