"""What is normal in real fills does not alarm: run starts, prescale changes, ramps and dumps of the OMS series."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.rates.culprits import near_collisions
from benchmarks.rates.watching import watch
from benchmarks.watching import incidents
from conf.settings import AlertSettings, DqmSettings, RateSettings
from dqm.core.quality import Quality
from dqm.rates.observed import is_usable
from dqm.rates.pipeline import RatePipeline
from dqm.rates.result import SUBSYSTEM
from dqm.rates.train import train
from dqm.simulate.conditions import from_oms
from dqm.simulate.rate_menu import published
from dqm.simulate.rates import Trigger, stream

LEARNED, WATCHED = 2000, 1800


@pytest.fixture(scope="module")
def era(real_data):
    return near_collisions(list(from_oms(real_data("oms/Run2024E-v1.parquet"))))


@pytest.fixture(scope="module")
def trigger():
    return Trigger(replace(published(), prescaled=0.6), np.random.default_rng(8))


@pytest.fixture(scope="module")
def judged(era, trigger, tmp_path_factory):
    rates = (item.rates for item in stream(trigger, era[:LEARNED], (), 1))
    rng = np.random.default_rng(1)
    bundle = train(rates, tmp_path_factory.mktemp("real") / "rates", RateSettings(), rng, lambda *_: None)
    pipeline = RatePipeline(bundle, RateSettings(), DqmSettings(), AlertSettings())
    watched = stream(trigger, era[LEARNED : LEARNED + WATCHED], (), 1)
    return list(watch(pipeline, DqmSettings(), watched, {}))


def test_there_are_starts_prescale_changes_ramps_and_dumps(era, trigger):
    watched = era[LEARNED : LEARNED + WATCHED]
    assert len({key.run for key, _ in watched}) >= 5
    pairs = [(item, two) for (_, item), (_, two) in pairwise(watched) if item.fill == two.fill]
    columns = [(item.prescale_index, two.prescale_index) for item, two in pairs]
    assert any(a != b and None not in (a, b) and any(trigger.prescales(a) != trigger.prescales(b)) for a, b in columns)
    assert any(item.beams_stable and not two.beams_stable for item, two in pairs)
    assert any(two.beams_stable and not item.beams_stable for item, two in pairs)


def test_none_of_them_alarms(judged):
    assert incidents(judged, AlertSettings()) == []


def test_what_can_be_judged_is_judged(era, judged):
    usable = {
        key for key, item in era[LEARNED : LEARNED + WATCHED] if is_usable(item) and item.prescale_index is not None
    }
    inspected = [
        item.key for item in judged if (item.verdicts[SUBSYSTEM].qualities != Quality.NOT_INSPECTED).mean() > 0.5
    ]
    assert len(usable & set(inspected)) > 0.95 * len(usable)
    assert not set(inspected) - usable
