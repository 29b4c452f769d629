"""Verdicts of rates that are judged one by one."""

from dataclasses import replace

import numpy as np
import pytest

from conf.settings import AlertSettings, DqmSettings, RateSettings
from dqm.core.assembly import merge
from dqm.core.bundle_files import TrainingError
from dqm.core.quality import Quality, Reason
from dqm.core.state import EarlierRates
from dqm.rates.bundle import load, save
from dqm.rates.levels.judgement import Before
from dqm.rates.levels.model import LevelModel, limits
from dqm.rates.levels.pipeline import LevelPipeline
from dqm.rates.levels.state import Levels
from dqm.rates.pipeline import RatePipeline
from dqm.rates.train import train
from opint.store.neighbours import StoredContent
from streams.records import TriggerMenu
from tests.scripted_levels import DATASET, NAMES, Scripted

SUBSYSTEM = "Trigger"
BIAS, PHYSICS = (f"{name}/{name}" for name in NAMES)


def watched(pipeline, records, levels=None):
    """Closed states, each judged after those before it in its run, with ``levels`` before this."""
    history, states = [], []
    for record in records:
        pipeline.judge_by(DATASET, record.key, Before(pipeline.initial() if levels is None else levels, 0))
        (scored,) = pipeline.score([record])
        state = merge(None, scored, 0.0).state
        closed = pipeline.close(state, {SUBSYSTEM: history[-pipeline.reach(2) :]}, 0.0, "complete")
        part = closed.parts[SUBSYSTEM]
        rates = EarlierRates(record.key, record.conditions, part.catalogue.names, part.bands)
        history.append(StoredContent(record.key, part.catalogue.digest, part.digests, rates))
        states.append(closed)
    return states


def reasons(states, name):
    return [
        Reason(int(state.verdicts[SUBSYSTEM].reasons[state.parts[SUBSYSTEM].catalogue.index[name]])) for state in states
    ]


def test_good_rates_are_good_and_bands_hold_them(pipeline, scripted):
    states = watched(pipeline, scripted.run(10, 150))
    report = reasons(states, PHYSICS) + reasons(states, BIAS)
    assert report.count(Reason.CONSISTENT) >= 290
    assert Reason.PATH_MOVED not in report
    bands = [state.parts[SUBSYSTEM].bands for state in states]
    inside = [(of.low <= of.observed) & (of.observed <= of.high) for of in bands]
    assert np.mean(inside) > 0.97


@pytest.mark.parametrize(("factor", "within"), [(0.5, 2), (2.0, 2), (0.7, 4)])
def test_a_path_that_moves_is_named_and_the_other_is_not(pipeline, scripted, factor, within):
    good, faulty = scripted.run(10, 60), [scripted.record(10, ls, factors=(1, factor)) for ls in range(61, 75)]
    states = watched(pipeline, good + faulty)
    report = reasons(states, PHYSICS)
    assert report[60 + within : 74] == [Reason.PATH_MOVED] * (14 - within)
    assert Reason.PATH_MOVED not in report[:60]
    assert Reason.PATH_MOVED not in reasons(states, BIAS)
    evidence = states[65].parts[SUBSYSTEM].evidence[PHYSICS]
    assert "in prescale column 2p0E34" in evidence.sentence
    assert evidence.kind == "path"


def test_one_lumisection_is_certain_and_the_next_are_good(pipeline, scripted):
    records = scripted.run(10, 60)
    records[40] = scripted.record(10, 41, factors=(1, 0.5))
    states = watched(pipeline, records)
    assert states[40].verdicts[SUBSYSTEM].certain == {"HLT_Physics"}
    assert reasons(states, PHYSICS).count(Reason.PATH_MOVED) == 1


def test_an_unknown_column_is_not_called_good_until_it_is_learned(pipeline, scripted):
    states = watched(pipeline, scripted.run(10, 40, column="another", factors=(1, 3)))
    report = reasons(states, PHYSICS)
    assert report[0] is Reason.NO_MODEL
    assert report[10:] == [Reason.CONSISTENT] * 30
    assert states[0].verdicts[SUBSYSTEM].quality is Quality.NOT_INSPECTED


def test_what_is_switched_off_is_not_judged(pipeline, scripted):
    pipeline.warm_up()
    record = scripted.record(10, 1)
    states = watched(pipeline, [replace(record, l1_prescales=np.array([1.0, 0.0]))])
    assert reasons(states, PHYSICS) == [Reason.SWITCHED_OFF]


def test_a_ramp_is_told_as_conditions(pipeline, scripted):
    records = scripted.run(10, 40)
    records[30] = scripted.record(10, 31, pileup=40.0, factors=(1, 1.3))
    states = watched(pipeline, records)
    assert reasons(states, PHYSICS)[30] is Reason.CONDITIONS_MOVED
    assert Reason.PATH_MOVED not in reasons(states, PHYSICS)


def test_a_path_that_stopped_is_told_apart_from_one_of_another_menu(pipeline, scripted):
    stopped = [scripted.record(10, ls, names=NAMES[:1]) for ls in range(21, 25)]
    states = watched(pipeline, scripted.run(10, 20) + stopped)
    assert reasons(states, PHYSICS)[20:] == [Reason.MISSING] * 4
    states = watched(pipeline, scripted.run(11, 8, names=NAMES[:1]))
    assert reasons(states, PHYSICS) == [Reason.NOT_IN_MENU] * 8
    (state, *_) = watched(pipeline, scripted.run(12, 1, names=(*NAMES, "HLT_New"), factors=(1, 1, 1)))
    assert reasons([state], "HLT_New/HLT_New") == [Reason.NO_MODEL]


def test_a_new_version_widens_the_band_until_its_level_is_known(pipeline, scripted):
    levels = pipeline.initial()
    levels = replace(levels, versions=np.array([5.0, 5.0]))
    same = watched(pipeline, scripted.run(10, 20), levels)[0].parts[SUBSYSTEM].bands
    states = watched(pipeline, scripted.run(11, 20, version=6, factors=(1, 1.15)), levels)
    of_new = states[0].parts[SUBSYSTEM].bands
    row = states[0].parts[SUBSYSTEM].catalogue.index[PHYSICS]
    assert of_new.version[row] == 6
    assert np.isnan(of_new.low[row])
    assert same.low[row] < same.observed[row] < same.high[row]
    assert reasons(states, PHYSICS)[0] is Reason.NO_MODEL
    assert reasons(states, PHYSICS)[5:].count(Reason.CONSISTENT) >= 14


def test_the_same_history_gives_the_same_verdict_whatever_was_judged_before(pipeline, bundle, scripted):
    records = scripted.run(10, 50)
    states = watched(pipeline, records)
    other = LevelPipeline(bundle, RateSettings(), DqmSettings(), AlertSettings())
    rates = [
        EarlierRates(state.key, state.conditions, part.catalogue.names, part.bands)
        for state in states
        for part in [state.parts[SUBSYSTEM]]
    ]
    contents = [StoredContent(of.key, "", np.zeros(2, dtype=np.uint64), of) for of in rates]
    other.judge_by(DATASET, records[-1].key, Before(other.initial(), 0))
    (scored,) = other.score([records[-1]])
    again = other.close(merge(None, scored, 0.0).state, {SUBSYSTEM: contents[:-1]}, 0.0, "complete")
    np.testing.assert_array_equal(again.parts[SUBSYSTEM].p_values, states[-1].parts[SUBSYSTEM].p_values)
    np.testing.assert_array_equal(again.parts[SUBSYSTEM].bands.high, states[-1].parts[SUBSYSTEM].bands.high)


def test_levels_are_followed_and_come_back_from_json(pipeline, scripted):
    states = watched(pipeline, scripted.run(10, 60, factors=(1, 1.05)))
    rates = [
        EarlierRates(state.key, state.conditions, part.catalogue.names, part.bands)
        for state in states
        for part in [state.parts[SUBSYSTEM]]
    ]
    levels = pipeline.levels_after(pipeline.initial(), rates)
    row = pipeline.model.menu.names.index(PHYSICS)
    assert 0.03 < levels.level["2p0E34"][0, row] - pipeline.initial().level["2p0E34"][0, row] < 0.07
    again = Levels.from_json(levels.as_json())
    np.testing.assert_array_equal(again.level["2p0E34"], levels.level["2p0E34"])
    assert (again.run, again.versions.tolist()) == ({**levels.run}, [5.0, 5.0])


def test_a_rate_that_scatters_too_much_has_no_model_and_says_so(tmp_path):
    scripted = Scripted(4)
    records = [
        scripted.record(run, ls, factors=(1, scripted.rng.lognormal(0, 0.5))) for run in (1, 2) for ls in range(1, 200)
    ]
    bundle = train(records, tmp_path / "rates", RateSettings(), np.random.default_rng(0), lambda *_: None)
    assert list(bundle.model.unjudged()) == [PHYSICS]
    assert "20% is the most" in bundle.model.unjudged()[PHYSICS]
    pipeline = LevelPipeline(bundle, RateSettings(), DqmSettings(), AlertSettings())
    assert set(reasons(watched(pipeline, records[:20]), PHYSICS)) == {Reason.NO_MODEL}


def test_a_bundle_comes_back_and_judges_only_its_own_way(bundle, tmp_path):
    save(bundle, tmp_path / "again")
    again = load(tmp_path / "again")
    assert isinstance(again.model, LevelModel)
    np.testing.assert_array_equal(again.model.quadratic.offsets, bundle.model.quadratic.offsets)
    np.testing.assert_array_equal(again.model.levels.level["2p0E34"], bundle.model.levels.level["2p0E34"])
    with pytest.raises(TypeError, match="one by one"):
        RatePipeline(again, RateSettings(), DqmSettings(), AlertSettings())


def test_a_few_paths_with_seeds_are_judged_one_by_one_too(tmp_path):
    scripted, records = Scripted(5), []
    for record in scripted.run(1, 250):
        menu, prescales = TriggerMenu(("L1_Bias",), ("HLT_Physics",), (0,)), np.ones(1)
        rates = {"l1": record.l1[:1], "hlt": record.l1[1:], "l1_prescales": prescales, "hlt_prescales": prescales}
        records.append(replace(record, menu=menu, **rates))
    bundle = train(records, tmp_path / "rates", RateSettings(), np.random.default_rng(0), lambda *_: None)
    assert isinstance(bundle.model, LevelModel)
    assert bundle.model.menu.names == ("L1_Bias/L1_Bias", "L1_Bias/HLT_Physics")
    assert bundle.model.unjudged() == {}


def test_faults_in_training_do_not_make_large_changes_pass(bundle, tmp_path):
    scripted, settings = Scripted(6), (RateSettings(), DqmSettings(), AlertSettings())
    faulty = [scripted.record(2, ls, factors=(1, 0.3 if 50 <= ls < 70 else 1)) for ls in range(1, 200)]
    records = scripted.run(1, 200) + faulty
    learned = train(records, tmp_path / "rates", RateSettings(), np.random.default_rng(0), lambda *_: None)
    clean, marred = limits(bundle.model, *settings), limits(learned.model, *settings)
    assert marred.moved < clean.moved
    assert marred.large == pytest.approx(clean.large)
    assert clean.large > 30 * clean.moved


def test_too_few_lumisections_are_refused(scripted, tmp_path):
    with pytest.raises(TrainingError, match="needs 200"):
        train(scripted.run(1, 100), tmp_path, RateSettings(), np.random.default_rng(0), lambda *_: None)
