"""Whole runs are judged by what the latest ones teach."""

import numpy as np
import pytest

from conf.settings import AlertSettings, DqmSettings
from dqm.core.accepted import AcceptedState
from dqm.core.assembly import merge
from dqm.core.quality import Quality, Reason
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.run_window import MOST_RUNS
from dqm.histograms.train import train
from streams.records import LumisectionKey
from tests.support.whole_runs import whole_run


def judged(pipeline, runs, accepted=None):
    """Reasons and qualities of runs, one after the other; those after a state was ``accepted`` know of it."""
    before, results = [], []
    for batch in runs:
        is_accepted = accepted is not None and batch.key.run > accepted.until.run
        states = {"Muon": {"Muon/time": accepted}} if is_accepted else {}
        pipeline.follow(batch.dataset, batch.key.run, {"Muon": before[-MOST_RUNS:]}, states)
        scored = pipeline.score([batch])[0]
        before.append((batch.key.run, scored.sums))
        verdict = pipeline.close(merge(None, scored, 0.0).state, {}, 1.0, "complete").verdicts["Muon"]
        results.append((Reason(int(verdict.reasons[0])), verdict.quality))
    return results


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rolling") / "m"
    batches = [whole_run(number) for number in range(1, 41)]
    bundle = train(batches, folder, DqmSettings(), np.random.default_rng(1), lambda _what, _share: None)
    return Pipeline(bundle, DqmSettings(), AlertSettings())


def test_good_runs_are_good(pipeline):
    qualities = [quality for _, quality in judged(pipeline, [whole_run(number) for number in range(100, 160)])]
    assert qualities.count(Quality.BAD) <= 6
    assert qualities.count(Quality.GOOD) >= 50


def test_conditions_that_stay_are_expected_after_some_runs(pipeline):
    qualities = [
        quality for _, quality in judged(pipeline, [whole_run(number, shift=0.4) for number in range(100, 150)])
    ]
    assert set(qualities[:2]) == {Quality.BAD}
    assert qualities[-20:].count(Quality.BAD) <= 3


def test_a_dead_channel_never_is(pipeline):
    reasons = [reason for reason, _ in judged(pipeline, [whole_run(number, dead=True) for number in range(100, 150)])]
    assert set(reasons) == {Reason.DEVIATES}


def test_a_state_that_is_accepted_is_judged_by_what_came_since(pipeline):
    """Dead channels that stay, accepted after six runs; later others die, and after that the old ones come back."""
    accepted = AcceptedState(LumisectionKey(100, 0), LumisectionKey(105, 0))
    alike, worse = (
        [whole_run(number, dead=True) for number in range(100, 130)],
        [whole_run(130, shift=0.5, dead=True), whole_run(131)],
    )
    result = judged(pipeline, [*alike, *worse], accepted)
    assert {reason for reason, _ in result[:6]} == {Reason.DEVIATES}
    qualities = [quality for _, quality in result[6:30]]
    assert Quality.BAD not in qualities[:20], "it is what is expected now"
    assert qualities[-10:].count(Quality.GOOD) >= 9
    assert [quality for _, quality in result[30:]] == [Quality.BAD, Quality.BAD]


def test_an_accepted_state_of_few_runs_is_not_judged_yet(pipeline):
    accepted = AcceptedState(LumisectionKey(101, 0), LumisectionKey(101, 0))
    result = judged(pipeline, [whole_run(number, dead=number > 100) for number in range(100, 108)], accepted)
    assert [quality for _, quality in result[:2]] == [Quality.GOOD, Quality.BAD]
    assert {quality for _, quality in result[2:5]} == {Quality.NOT_INSPECTED}
    assert Quality.BAD not in {quality for _, quality in result[5:]}


def test_a_run_of_the_usual_shape_ranks_by_its_entries(pipeline):
    entries = [1e5, 3e4, 1e4, 3e3, 1e3, 1e8]
    pipeline.follow("/Toy/Run/DQM", 100, {"Muon": []}, {})
    departures = [pipeline.score([whole_run(100, entries=number)])[0].scores.scores[-1, 0] for number in entries]
    assert pipeline.models["Muon"].scorers[-1] == "entries"
    assert departures[:5] == sorted(departures[:5])
    assert departures[5] > departures[2]


@pytest.mark.parametrize("entries", [0, 5, 60])
def test_a_run_with_next_to_no_entries_is_bad_and_teaches_nothing(pipeline, entries):
    *empty, (_, after) = judged(
        pipeline, [*(whole_run(number, entries=entries) for number in range(100, 130)), whole_run(131)]
    )
    assert {quality for _, quality in empty} == {Quality.BAD}
    assert {reason for reason, _ in empty} <= {Reason.STARVED, Reason.DEVIATES}
    assert after == Quality.GOOD


def test_a_contaminated_training_set_decides_nothing(tmp_path):
    """Two dead ones and two nearly empty ones among forty good runs."""
    odd = [whole_run(50, dead=True), whole_run(51, dead=True), whole_run(52, entries=20), whole_run(53, entries=70)]
    batches = [*odd, *(whole_run(number) for number in range(1, 41))]
    bundle = train(batches, tmp_path / "m", DqmSettings(), np.random.default_rng(1), lambda _what, _share: None)
    pipeline = Pipeline(bundle, DqmSettings(), AlertSettings())
    ((reason, _),) = judged(pipeline, [whole_run(100, dead=True)])
    assert reason == Reason.DEVIATES
    ((reason, _),) = judged(pipeline, [whole_run(101, entries=60)])
    assert reason == Reason.STARVED
