"""The alarm level of whole runs follows what people say of them, and is fixed while a run lasts."""

import numpy as np
import pytest

from conf.settings import DqmSettings, Settings
from dqm.core.control import LEAST_GOOD, AlarmLevel
from dqm.core.quality import Reason
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.train import train
from opint.histograms.handler import describe_model
from opint.incidents import operator
from opint.labels.label import WHOLE_RUN, Flag, Label, Labels
from opint.labels.storage import import_labels
from opint.lumisections.ingest import Arrival, LumisectionIngest
from opint.lumisections.references import RunReferences
from opint.store import alarm_levels, incident_pages
from streams.source import Message, Partition
from tests.support.whole_runs import whole_run

PLACE = Partition("cluster", "dqm.histograms", 0)
SETTINGS = Settings()
DATASET = "/Toy/Run/DQM"
FIRST = 100
ENOUGH = range(FIRST, FIRST + LEAST_GOOD)
NEXT = ENOUGH.stop


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def bundle(models):
    runs = [whole_run(number) for number in range(1, 25)]
    return train(runs, models / "whole", SETTINGS.dqm, np.random.default_rng(1), lambda *_: None)


def judge(store, bundle, numbers, *, dead=False):
    """A daemon that starts and judges these runs; the reason of each."""
    pipeline = Pipeline(bundle, SETTINGS.dqm, SETTINGS.alerts)
    chooser = RunReferences(store, "histograms", pipeline, lambda: 10.0)
    ingest = LumisectionIngest(store, pipeline, SETTINGS, "me", lambda: 10.0)
    ingest.claim([PLACE])
    runs = [Message(PLACE, number, whole_run(number, dead=dead), {}, 9.0, "") for number in numbers]
    reasons = []
    for part, batches in chooser.parts(runs, [message.value for message in runs]):
        arrivals = [Arrival(*arrival) for arrival in zip(part, pipeline.score(batches), strict=True)]
        closed = ingest.apply(arrivals).closed
        reasons += [Reason(int(state.verdicts["Muon"].reasons[0])) for state in closed]
    return reasons


def label(store, runs, flag=Flag.GOOD, source="shift"):
    import_labels(store, source, Labels(Label(run, *WHOLE_RUN, flag) for run in runs), "ana", 20.0)


def level_of(store, bundle, run):
    with store.read() as tx:
        return alarm_levels.load(tx, DATASET, [run], bundle.version)[run]


def test_what_people_called_good_moves_the_level_of_runs_that_begin_later(store, bundle):
    judge(store, bundle, ENOUGH)
    declared = Pipeline(bundle, SETTINGS.dqm, SETTINGS.alerts).thresholds.folder_p
    assert level_of(store, bundle, ENOUGH[-1]) == AlarmLevel(declared, declared, 0)
    label(store, ENOUGH)
    judge(store, bundle, [NEXT])
    moved = level_of(store, bundle, NEXT)
    assert moved.good_runs == LEAST_GOOD
    assert moved.p_value != declared
    label(store, ENOUGH[:5], Flag.BAD)
    assert not judge(store, bundle, [NEXT]), "it came again"
    assert level_of(store, bundle, NEXT) == moved, "a daemon that starts again judges alike"
    judge(store, bundle, [NEXT + 1])
    assert level_of(store, bundle, NEXT + 1) == AlarmLevel(declared, declared, 0), "the file has taken the place of it"
    with store.read() as tx:
        assert alarm_levels.shown(tx, DATASET, NEXT) == moved


def test_doctor_says_which_level_holds(store, bundle, models):
    judge(store, bundle, [NEXT])
    settings = Settings(dqm=DqmSettings(models=models, model="whole"))
    line = describe_model(settings, store).splitlines()[-1]
    assert line.startswith(f"{DATASET}: Alarm level 0.043, as declared: people called 0 of the 200 runs before good")


def test_a_run_is_judged_at_the_level_that_is_recorded_for_it(store, bundle):
    with store.begin() as tx:
        alarm_levels.record(tx, DATASET, NEXT, bundle.version, AlarmLevel(1e-30, 0.04, 30), 5.0)
    assert judge(store, bundle, [NEXT, NEXT + 1], dead=True) == [Reason.CONSISTENT, Reason.DEVIATES]


def test_a_run_whose_alarm_was_confirmed_is_not_good_whatever_its_label(store, bundle):
    judge(store, bundle, ENOUGH)
    judge(store, bundle, [NEXT], dead=True)
    label(store, [*ENOUGH, NEXT])
    with store.begin() as tx:
        # Other runs of the toy may alarm as well.
        incident = next(shown for shown in incident_pages.gravest(tx, 20) if shown.last_run == NEXT)
        operator.confirm(tx, incident.id, "ben", "", 30.0)
    judge(store, bundle, [NEXT + 1])
    assert level_of(store, bundle, NEXT + 1).good_runs <= LEAST_GOOD
