"""Rates that are judged one by one, on their way through the daemon: levels, sums, records and acceptance."""

import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from conf.settings import Settings
from dqm.core.quality import Reason
from dqm.rates.levels.pipeline import LevelPipeline
from opint.incidents.acceptance import accept, revoke
from opint.store import lumisections, rate_levels, short_faults, trigger_rates
from opint.store.tables import incident
from opint.stream_kinds import accepting_streams
from opint.triggers.handler import rate_handler, rate_pipeline
from opint.triggers.summary import causes
from streams.codecs import rates
from streams.codecs.content_type import ARROW_CONTENT_TYPE
from streams.codecs.rates import RateLimits, decode_rates
from streams.metrics import Metrics
from streams.records import LumisectionKey
from streams.source import Message, Partition
from streams.testing import ScriptedSource
from tests.scripted_levels import DATASET, Scripted, trained

PLACE = Partition("cluster", "trigger.rates", 0)
SETTINGS = Settings()
PHYSICS = "HLT_Physics/HLT_Physics"
LIMITS = RateLimits(1 << 20, 100)


class Watched:
    """A daemon with the trained model."""

    def __init__(self, store):
        self.store = store
        self.offset = 0
        self.start("first")

    def start(self, name):
        pipeline = rate_pipeline(trained(), SETTINGS)
        assert isinstance(pipeline, LevelPipeline)
        decode, metrics = partial(decode_rates, limits=LIMITS), Metrics(CollectorRegistry())
        self.daemon = rate_handler(SETTINGS, self.store, pipeline, decode, ScriptedSource(), metrics, name)
        self.daemon.claim([PLACE])

    def send(self, records):
        header = {"content-type": ARROW_CONTENT_TYPE}
        messages = [
            Message(PLACE, self.offset + n, rates.encode_arrow(record), header, 1.0, f"offset {n}")
            for n, record in enumerate(records)
        ]
        self.offset += len(messages)
        self.daemon.handle(messages)

    def reasons(self, run, numbers, dataset=DATASET):
        keys = [LumisectionKey(run, ls) for ls in numbers]
        with self.store.read() as tx:
            states = lumisections.load(tx, dataset, keys)
        parts = [(states[key].verdicts["Trigger"], states[key].parts["Trigger"]) for key in keys]
        return [Reason(int(verdict.reasons[part.catalogue.index[PHYSICS]])) for verdict, part in parts]

    def incidents(self):
        with self.store.read() as tx:
            return tx.execute(select(incident).order_by(incident.c.id)).all()


@pytest.fixture
def watched(store):
    return Watched(store)


def test_a_path_that_halves_is_one_incident_that_clears(watched):
    scripted = Scripted(2)
    good = [scripted.record(10, ls) for ls in range(1, 41)]
    half = [scripted.record(10, ls, factors=(1, 0.5)) for ls in range(41, 51)]
    watched.send(good + half + [scripted.record(10, ls) for ls in range(51, 90)])
    (raised,) = watched.incidents()
    assert (raised.family, raised.element_group, raised.first_ls) == ("path", PHYSICS, 41)
    assert raised.state == "resolved"
    assert "HLT_Physics" in raised.title
    assert "did not move" not in raised.title


def test_two_paths_that_move_together_are_one_incident_that_names_both(watched):
    scripted = Scripted(9)
    good = [scripted.record(10, ls) for ls in range(1, 41)]
    both = [scripted.record(10, ls, factors=(0.7, 1.6)) for ls in range(41, 51)]
    watched.send(good + both + [scripted.record(10, ls) for ls in range(51, 90)])
    (raised,) = watched.incidents()
    assert (raised.family, raised.element_group, raised.first_ls, raised.elements) == ("several-rates", "", 41, 2)
    assert raised.state == "resolved"
    assert raised.severity == "warning"
    assert raised.title == "HLT_Bias and HLT_Physics moved together, 2 of 2 since run 10 LS 41"
    assert "HLT_Physics moved in the same lumisections" in raised.explanation
    with watched.store.read() as tx:
        cause = causes(trigger_rates.run_rates(tx, DATASET, 10))[0]
    assert (cause.what, cause.first_ls, cause.change) == ("HLT_Bias and HLT_Physics together", 41, None)
    assert cause.last_ls >= 50


def test_two_paths_that_move_one_after_the_other_are_two_incidents(watched):
    scripted = Scripted(10)
    watched.send([scripted.record(10, ls) for ls in range(1, 41)])
    watched.send([scripted.record(10, ls, factors=(1, 1.6)) for ls in range(41, 51)])
    watched.send([scripted.record(10, ls, factors=(0.7, 1.6)) for ls in range(51, 60)])
    assert [(raised.family, raised.element_group) for raised in watched.incidents()] == [
        ("path", PHYSICS),
        ("path", "HLT_Bias/HLT_Bias"),
    ]


def test_one_lumisection_is_recorded_and_nobody_is_called(watched):
    scripted = Scripted(3)
    records = [scripted.record(10, ls) for ls in range(1, 60)]
    records[40] = scripted.record(10, 41, factors=(1, 0.5))
    watched.send(records)
    assert watched.incidents() == []
    with watched.store.read() as tx:
        (fault,) = short_faults.at(tx, DATASET, [LumisectionKey(10, ls) for ls in range(1, 60)])
    assert (fault.family, fault.key.ls, fault.elements) == ("path", 41, (PHYSICS,))


def test_the_order_of_arrival_does_not_matter(watched):
    scripted = Scripted(4)
    good = [scripted.record(10, ls) for ls in range(1, 26)]
    records = good + [scripted.record(10, ls, factors=(1, 0.7)) for ls in range(26, 31)]
    watched.send(records)
    reasons = watched.reasons(10, range(1, 31))
    assert reasons.count(Reason.PATH_MOVED) >= 3
    (in_order,) = watched.incidents()
    other = [replace(record, dataset="/Trigger/Other/RATES") for record in records]
    for third in (2, 0, 1):
        watched.send(other[third::3])
    assert watched.reasons(10, range(1, 31), "/Trigger/Other/RATES") == reasons
    _, shuffled = watched.incidents()
    for field in ("family", "element_group", "first_ls", "last_ls", "lumisections", "state"):
        assert getattr(shuffled, field) == getattr(in_order, field)


def test_levels_are_stored_once_for_each_stretch_and_go_on_after_a_restart(watched):
    scripted = Scripted(5)
    watched.send([scripted.record(10, ls, factors=(1, 1.04)) for ls in range(1, 70)])
    version = watched.daemon._pipeline.version
    with watched.store.read() as tx:
        before = rate_levels.load(tx, DATASET, version, 10, 2)
    row = trained().model.menu.names.index(PHYSICS)
    learned = before.levels.level["2p0E34"][0, row] - trained().model.levels.level["2p0E34"][0, row]
    assert 0.02 < learned < 0.06
    watched.start("second")
    watched.send([scripted.record(10, ls, factors=(1, 1.04)) for ls in range(70, 80)])
    with watched.store.read() as tx:
        again = rate_levels.load(tx, DATASET, version, 10, 2)
    np.testing.assert_array_equal(again.levels.level["2p0E34"], before.levels.level["2p0E34"])
    assert watched.reasons(10, range(70, 80)) == [Reason.CONSISTENT] * 10


def test_a_level_that_changed_for_good_can_be_accepted_and_then_clears(watched):
    scripted = Scripted(6)
    watched.send([scripted.record(10, ls) for ls in range(1, 41)])
    watched.send([scripted.record(10, ls, factors=(1, 3)) for ls in range(41, 96)])
    (raised,) = watched.incidents()
    assert raised.state == "open"
    assert set(watched.reasons(10, range(45, 96))) == {Reason.PATH_MOVED}
    with watched.store.begin() as tx:
        accept(tx, raised.id, "anna", "a new prescale", time.time(), accepting_streams())
    watched.send([scripted.record(10, ls, factors=(1, 3)) for ls in range(96, 130)])
    assert watched.reasons(10, range(105, 130)) == [Reason.CONSISTENT] * 25
    (cleared,) = watched.incidents()
    assert cleared.state == "resolved"


def test_revoking_brings_the_old_level_back(watched):
    scripted = Scripted(8)
    watched.send([scripted.record(10, ls) for ls in range(1, 41)])
    watched.send([scripted.record(10, ls, factors=(1, 3)) for ls in range(41, 96)])
    (raised,) = watched.incidents()
    with watched.store.begin() as tx:
        accept(tx, raised.id, "anna", "a new prescale", time.time(), accepting_streams())
    watched.send([scripted.record(10, ls, factors=(1, 3)) for ls in range(96, 130)])
    assert watched.reasons(10, range(120, 130)) == [Reason.CONSISTENT] * 10
    with watched.store.begin() as tx:
        revoke(tx, raised.id, "ben", "the prescale was a mistake", time.time())
    watched.send([scripted.record(10, ls, factors=(1, 3)) for ls in range(130, 170)])
    # A stretch that has begun keeps its levels.
    assert watched.reasons(10, range(130, 160)) == [Reason.CONSISTENT] * 30
    assert watched.reasons(10, range(160, 170)) == [Reason.PATH_MOVED] * 10
    _, again = watched.incidents()
    assert (again.family, again.first_ls, again.state) == ("path", 160, "open")
    watched.send([scripted.record(11, ls) for ls in range(1, 31)])
    assert watched.reasons(11, range(1, 31)).count(Reason.CONSISTENT) >= 29


def test_a_path_of_another_menu_raises_nothing_and_one_that_stops_does(watched):
    scripted = Scripted(7)
    watched.send([scripted.record(10, ls, names=("HLT_Bias",)) for ls in range(1, 10)])
    assert watched.incidents() == []
    assert watched.reasons(10, [9]) == [Reason.NOT_IN_MENU]
    watched.send([scripted.record(11, ls) for ls in range(1, 10)])
    watched.send([scripted.record(11, ls, names=("HLT_Bias",)) for ls in range(10, 20)])
    assert [raised.family for raised in watched.incidents()] == ["missing"]
