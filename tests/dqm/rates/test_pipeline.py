from dataclasses import replace

import numpy as np
import pytest

from benchmarks.rates.watching import watch
from benchmarks.watching import incidents
from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.quality import Quality, Reason
from dqm.rates.pipeline import SUBSYSTEM
from dqm.simulate.rate_faults import RateFault, RateFaultKind
from dqm.simulate.rates import stream
from streams.records import Conditions, TriggerRates

LENGTH = 12


@pytest.fixture(scope="module")
def good(fills):
    """Usable lumisections of one run of the fill that was kept for judging."""
    last = [fill for fill in fills if fill[1].fill == 9902 and fill[1].beams_stable]
    run = max({key.run for key, _ in last}, key=lambda run: sum(key.run == run for key, _ in last))
    return [item for item in last if item[0].run == run][5:]


def rates(trigger, sample, fault=None):
    return [item.rates for item in stream(trigger, sample, [] if fault is None else [fault], 9)]


def raised(pipeline, trigger, sample, fault=None):
    hit = list(stream(trigger, sample, [] if fault is None else [fault], 9))
    return incidents(list(watch(pipeline, DqmSettings(), hit, {})), AlertSettings())


def closed(pipeline, record):
    state = merge(None, pipeline.score([record])[0], 0.0).state
    return pipeline.close(state, {}, 1.0, "complete")


def fault(kind, good, **more):
    return RateFault(kind, good[3][0], good[LENGTH][0], **more)


def test_ramps_dumps_and_prescale_changes_of_whole_fills_do_not_alarm(pipeline, trigger, fills):
    last = [fill for fill in fills if fill[1].fill == 9902]
    assert {item.prescale_index for _, item in last} > {None}
    assert raised(pipeline, trigger, last) == []


def test_what_is_not_collisions_is_not_inspected(pipeline, trigger, fills):
    for key, conditions in (fill for fill in fills if not fill[1].beams_stable):
        (record,) = rates(trigger, [(key, conditions)])
        verdict = closed(pipeline, record).verdicts[SUBSYSTEM]
        assert verdict.quality == Quality.NOT_INSPECTED
        assert set(verdict.reasons.tolist()) <= {Reason.NO_STABLE_BEAMS, Reason.SWITCHED_OFF}


def test_one_path_is_named_and_so_are_its_rate_and_band(pipeline, trigger, good):
    name = trigger.menu.names[7]
    wrong = fault(RateFaultKind.PATH, good, factor=1.8, elements=(name,))
    result = raised(pipeline, trigger, good[:LENGTH], wrong)
    assert [(item.labels.family, item.labels.group) for item in result] == [("path", name)]
    part = closed(pipeline, rates(trigger, good[4:5], wrong)[0]).parts[SUBSYSTEM]
    evidence = part.evidence[name]
    assert evidence.kind == "path"
    assert "Hz are expected at pileup" in evidence.sentence
    row = part.catalogue.index[name]
    assert part.bands.low[row] < part.bands.expected[row] < part.bands.high[row] < part.bands.observed[row]
    assert evidence.p_value == pytest.approx(float(part.p_values[row]))


@pytest.mark.parametrize("kind", [RateFaultKind.SEED, RateFaultKind.SEED_PATHS])
@pytest.mark.parametrize("factor", [0.5, 1.6])
def test_a_seed_is_one_incident_and_not_six(pipeline, trigger, good, kind, factor):
    seed = trigger.menu.l1[1]
    result = raised(pipeline, trigger, good[:LENGTH], fault(kind, good, factor=factor, seed_name=seed))
    assert [(item.labels.family, item.labels.group) for item in result] == [("seed", seed)]


def test_all_rates_are_one_incident(pipeline, trigger, good):
    result = raised(pipeline, trigger, good[:LENGTH], fault(RateFaultKind.ALL, good, factor=0.6))
    assert [(item.labels.family, item.labels.group) for item in result] == [("all-rates", "")]


def test_a_path_with_a_wrong_prescale_is_said_so(pipeline, trigger, good):
    usual = trigger.usual(good[4][1].prescale_index)[4:]
    name = trigger.menu.names[4 + int(np.argmax(usual))]
    wrong = fault(RateFaultKind.PRESCALE, good, factor=0.2, elements=(name,))
    part = closed(pipeline, rates(trigger, good[4:5], wrong)[0]).parts[SUBSYSTEM]
    assert part.evidence[name].kind == "prescale"
    assert "as with a prescale of 5 in all instead of 1" in part.evidence[name].sentence


def test_rates_that_repeat_are_frozen(pipeline, trigger, good):
    result = raised(pipeline, trigger, good[:LENGTH], fault(RateFaultKind.STUCK, good))
    assert {item.labels.family for item in result} == {"frozen"}
    assert set().union(*(item.elements for item in result)) == set(trigger.menu.names)


def test_a_path_that_is_not_published_is_missing(pipeline, trigger, good):
    name = trigger.menu.names[9]
    result = raised(pipeline, trigger, good[:LENGTH], fault(RateFaultKind.MISSING, good, elements=(name,)))
    assert [(item.labels.family, item.elements) for item in result] == [("missing", {name})]


def test_a_path_that_the_model_does_not_know_is_not_inspected(pipeline, trigger, good):
    (record,) = rates(trigger, good[:1])
    menu = replace(record.menu, hlt=("HLT_New", *record.menu.hlt[1:]))
    state = closed(pipeline, replace(record, menu=menu))
    part, verdict = state.parts[SUBSYSTEM], state.verdicts[SUBSYSTEM]
    seed = menu.l1[menu.seed_of[0]]
    assert verdict.reasons[part.catalogue.index[f"{seed}/HLT_New"]] == Reason.NO_MODEL
    assert verdict.reasons[part.catalogue.index[f"{seed}/{record.menu.hlt[0]}"]] == Reason.MISSING


def test_what_is_switched_off_is_said_so(pipeline, trigger, good):
    (record,) = rates(trigger, good[:1])
    off = replace(record, hlt=np.zeros_like(record.hlt), hlt_prescales=np.zeros_like(record.hlt))
    verdict = closed(pipeline, off).verdicts[SUBSYSTEM]
    assert (verdict.reasons == Reason.SWITCHED_OFF).sum() == len(record.hlt)


def test_scoring_is_pure_however_records_are_grouped(pipeline, trigger, good):
    sample = rates(trigger, good[:6])
    together = pipeline.score(sample)
    singly = [pipeline.score([item])[0] for item in sample]
    for first, second in zip(together, singly, strict=True):
        assert first.scores.p_values.tobytes() == second.scores.p_values.tobytes()
        assert first.scores.scores.tobytes() == second.scores.scores.tobytes()
        assert first.scores.bands.as_array().tobytes() == second.scores.bands.as_array().tobytes()


def test_a_drift_that_is_adopted_moves_what_is_expected(pipeline, trigger, good):
    (record,) = rates(trigger, good[:1])
    before = pipeline.score([record])[0].scores.bands.curve
    shift = np.zeros((2, len(record.menu.names), 1), dtype=np.float32)
    shift[0] = 0.1
    pipeline.adopt(record.dataset, record.key.run, {}, {SUBSYSTEM: shift})
    after = pipeline.score([record])[0].scores.bands.curve
    pipeline.drop(record.dataset, record.key.run)
    assert after == pytest.approx(1.1 * before, rel=1e-3)
    assert pipeline.score([record])[0].scores.bands.curve == pytest.approx(before)


def test_conditions_that_are_not_known_are_not_judged(pipeline, trigger, good):
    (record,) = rates(trigger, good[:1])
    unknown = replace(record, conditions=Conditions())
    assert closed(pipeline, unknown).verdicts[SUBSYSTEM].quality == Quality.NOT_INSPECTED


def test_warming_up_judges_nothing(pipeline):
    pipeline.warm_up()
    assert isinstance(pipeline.model.menu.l1, tuple)
    assert TriggerRates.__slots__


def test_evidence_is_of_the_right_rate_where_another_one_is_missing(pipeline, trigger, good):
    usual = trigger.usual(good[4][1].prescale_index)[4:]
    name = trigger.menu.names[4 + int(np.argmax(usual))]
    first = next(name for name in trigger.menu.catalogue.names if name.partition("/")[0] != name.partition("/")[2])
    assert first != name
    faults = [
        fault(RateFaultKind.PRESCALE, good, factor=0.2, elements=(name,)),
        fault(RateFaultKind.MISSING, good, elements=(first,)),
    ]
    (hit,) = stream(trigger, good[4:5], faults, 9)
    part = closed(pipeline, hit.rates).parts[SUBSYSTEM]
    row = part.catalogue.index[name]
    assert part.reasons[row] == Reason.PATH_MOVED
    assert f"Rate {part.bands.observed[row]:.3g} Hz" in part.evidence[name].sentence
    assert "as with a prescale of 5 in all instead of 1" in part.evidence[name].sentence
